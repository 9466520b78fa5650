import { installPackages, silent } from '@orca/tooling-testbed';
import { choose } from '../choose.ts';
import type { Scenario, ScenarioContext, ScenarioResult } from '../scenario.ts';
import { Findings } from './findings.ts';
import { callPoints, faultsAfter, runUnder, secretWorks } from './secret-calls.ts';
import { withSecretPlace } from './secret-store.ts';

const ERRNOS = ['ENOSPC', 'EIO'] as const;

/** F26, for secrets: a disk that is full, or fails, at every call of every command that writes. */
export const secretsDisk: Scenario = {
  id: 'F26',
  title: 'ENOSPC and EIO at each file call of orca secrets set, first set, rm and rotate-key',
  counts: { short: 8, full: 1_000 },
  inCi: true,
  run: (context) => refuse(context),
};

const refuse = async (context: ScenarioContext): Promise<ScenarioResult> => {
  const { count, seed, signal } = context;
  await installPackages(['strace'], silent);
  const findings = new Findings();
  const all = (await Promise.all(secretWorks.map(callPoints))).flat();
  const tries = choose(
    all.flatMap((point) => ERRNOS.map((errno) => ({ point, errno }))),
    count,
    seed,
  );
  let kept = 0;
  let told = 0;
  for (const [index, { point, errno }] of tries.entries()) {
    signal.throwIfAborted();
    const { work, call, nth } = point;
    const where = `${work.what}: ${errno} at ${call} ${nth}`;
    await withSecretPlace(async (place) => {
      await work.prepare(place);
      const before = place.raw();
      const { code, stderr } = await runUnder(place, work, ['-e', `inject=${call}:error=${errno}:when=${nth}`]);
      const isAsBefore = place.raw() === before;
      if (isAsBefore) kept += 1;
      // A command that says it is done is; one that is not says why, where, and shows no stack.
      const isHonest = code === 0 ? !isAsBefore : stderr.includes(place.dir);
      if (findings.expect(isHonest && !/\n\s+at /.test(stderr), `${where}: code ${code}, says ${stderr.trim()}`))
        told += 1;
      for (const fault of await faultsAfter(place, work)) findings.expect(false, `${where}: ${fault}`);
    });
    if (index % 25 === 24) context.log(`${index + 1} of ${tries.length}`);
  }
  findings.figure(
    `${tries.length} of ${all.length * ERRNOS.length} refused calls: the file whole after all, ${kept} times the old one`,
  );
  findings.figure(`${told}/${tries.length} told the truth: done, or what failed and where`);
  return findings.result();
};
