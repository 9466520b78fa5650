import { installPackages, silent, waitFor } from '@orca/tooling-testbed';
import { choose } from '../choose.ts';
import { docker, patienceMs, type Orca } from '../../e2e/orca.ts';
import type { Scenario, ScenarioContext, ScenarioResult } from '../scenario.ts';
import { Findings } from './findings.ts';
import { deployUnder, promisedIn, WRITES } from './promise-disk.ts';
import { mustDeploy, serviceText, withOrca, writeServices } from './with-orca.ts';

const FAULTS = [
  { what: 'ENOSPC from', inject: 'error=ENOSPC', isLasting: true },
  { what: 'EIO', inject: 'error=EIO', isLasting: false },
  { what: 'killed', inject: 'signal=KILL', isLasting: false },
] as const;
const image = 'orca-test/app:1';

/** F26, for a deploy: what it promises is written down as a whole or not at all, and whoever asked is told. */
export const promiseDisk: Scenario = {
  id: 'F26',
  title: 'ENOSPC, EIO and kill -9 at each write of what a deploy of several services promises, then a new start',
  counts: { short: 6, full: 10_000 },
  inCi: true,
  run: async (context) => {
    await installPackages(['strace'], silent);
    return withOrca('f26', [image], (orca) => all(orca, context));
  },
};

const all = async (orca: Orca, context: ScenarioContext): Promise<ScenarioResult> => {
  const { count, seed, signal } = context;
  const findings = new Findings();
  writeRound(orca, 0);
  await mustDeploy(orca);
  let former = stateOf(0);
  writeRound(orca, 1);
  const { ran, trace } = await deployUnder(orca, []);
  if (ran.code !== 0) throw new Error(`the deploy under strace ended with ${ran.code}: ${ran.stdout}${ran.stderr}`);
  former = stateOf(1);
  const points = WRITES.flatMap((call) =>
    Array.from({ length: trace.split(` ${call}(`).length - 1 }, (_, index) => ({ call, nth: index + 1 })),
  );
  const everything = points.flatMap((point) => FAULTS.map((fault) => ({ ...point, ...fault })));
  const tries = choose(everything, count, seed);
  const seen = { former: 0, wanted: 0 };
  for (const [index, { call, nth, what, inject, isLasting }] of tries.entries()) {
    signal.throwIfAborted();
    const round = index + 2;
    const where = `${what} at ${call} ${nth}`;
    writeRound(orca, round);
    const now = await deployUnder(orca, ['-e', `inject=${call}:${inject}:when=${nth}${isLasting ? '+' : ''}`]);
    const isKilled = inject.startsWith('signal');
    await orca.end('SIGKILL');
    const found = withoutGone(await promisedIn(orca));
    const wanted = stateOf(round);
    if (findings.expect(found === former || found === wanted, `${where}: promised is ${found}, former was ${former}`))
      seen[found === former ? 'former' : 'wanted'] += 1;
    if (!isKilled) {
      const said = `${now.ran.stdout}${now.ran.stderr}`;
      findings.expect(
        now.ran.code === 0 ? found === wanted : found === former && said.includes('orca.db') && !/\n\s+at /.test(said),
        `${where}: ended with ${now.ran.code}, said ${said.trim()}, and promised is ${found}`,
      );
    }
    await orca.start();
    await runsAs(orca, found).catch((error: unknown) => findings.expect(false, `${where}: ${String(error)}`));
    former = found;
    if (index % 10 === 9) context.log(`${index + 1} of ${tries.length}`);
  }
  findings.figure(
    `${seen.former + seen.wanted}/${tries.length} of ${everything.length}: whole, ${seen.former} times the former promise`,
  );
  return findings.result();
};

/** Every other round a third service is there: so a deploy also begins and takes away. */
const servicesOf = (round: number): readonly string[] => ['f26-a', 'f26-b', ...(round % 2 === 0 ? ['f26-c'] : [])];

const stateOf = (round: number): string =>
  servicesOf(round)
    .map((name) => `${name} ${round}`)
    .join(', ');

/** What was to go is forgotten when it is gone, which is nothing that was promised. */
const withoutGone = (state: string): string => state.replace(/,? ?f26-c goes$/, '');

const writeRound = (orca: Orca, round: number): void =>
  writeServices(
    orca,
    servicesOf(round).map((name) =>
      serviceText(name, image, [
        'port = 8080',
        '[service.deploy]',
        'min_healthy_secs = 0',
        '[service.env]',
        `V = "round-${round}"`,
      ]),
    ),
  );

const runsAs = (orca: Orca, state: string): Promise<unknown> =>
  waitFor(
    async () => {
      const names = await orca.containers();
      const found = await Promise.all(
        names.map(async (name) => {
          const env = await docker('inspect', '--format', '{{.Config.Env}}', name).catch(() => '');
          return `${name.replace(/^orca-/, '')} ${/round-(\d+)/.exec(env)?.[1] ?? '?'}`;
        }),
      );
      return found.join(', ') === state;
    },
    { what: `containers of ${state}`, timeoutMs: patienceMs },
  );
