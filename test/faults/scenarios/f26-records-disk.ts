import { installPackages, silent } from '@orca/tooling-testbed';
import { choose } from '../choose.ts';
import type { Scenario, ScenarioContext, ScenarioResult } from '../scenario.ts';
import { Findings } from './findings.ts';
import { recordFaults, recordPoints, recordWorks } from './record-calls.ts';

const FAULTS = [
  { what: 'ENOSPC', inject: 'error=ENOSPC', isLasting: false },
  { what: 'ENOSPC from', inject: 'error=ENOSPC', isLasting: true },
  { what: 'EIO', inject: 'error=EIO', isLasting: false },
  { what: 'EIO from', inject: 'error=EIO', isLasting: true },
  { what: 'killed', inject: 'signal=KILL', isLasting: false },
] as const;

/** F26, for the records: several changes that belong together are all there or none of them, and what is told of them is true. */
export const recordsDisk: Scenario = {
  id: 'F26',
  title: 'ENOSPC, EIO and kill -9 at each file call of a write of several records, then a new start',
  counts: { short: 12, full: 10_000 },
  inCi: true,
  run: (context) => refuse(context),
};

const refuse = async (context: ScenarioContext): Promise<ScenarioResult> => {
  const { count, seed, signal } = context;
  await installPackages(['strace'], silent);
  const findings = new Findings();
  const points = (await Promise.all(recordWorks.map(recordPoints))).flat();
  const all = points.flatMap((point) => FAULTS.map((fault) => ({ point, fault })));
  const tries = choose(all, count, seed);
  const seen = new Map<string, number>();
  let whole = 0;
  for (const [index, { point, fault }] of tries.entries()) {
    signal.throwIfAborted();
    const where = `${point.work.what}: ${fault.what} at ${point.call} ${point.nth}`;
    const { faults, found } = await recordFaults(point, fault);
    seen.set(found, (seen.get(found) ?? 0) + 1);
    if (faults.length === 0) whole += 1;
    for (const what of faults) findings.expect(false, `${where}: ${what}`);
    if (index % 25 === 24) context.log(`${index + 1} of ${tries.length}`);
  }
  const states = [...seen].map(([found, n]) => `${n} times ${found}`).join(', ');
  findings.figure(`${whole}/${tries.length} of ${all.length}: whole, and as was told (${states})`);
  return findings.result();
};
