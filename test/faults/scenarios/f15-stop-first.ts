import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '@orca/tooling-testbed';
import type { Orca } from '../../e2e/orca.ts';
import { random } from '../random.ts';
import type { Scenario, ScenarioContext, ScenarioResult } from '../scenario.ts';
import { Findings } from './findings.ts';
import { describeDowntimes, proveDetector, readTokens } from './tokens.ts';
import { mustDeploy, serviceText, stateOf, withOrca, writeServices } from './with-orca.ts';

const service = 'f15-writer';
const volume = 'f15-tokens';
const images = ['busybox:1.36', 'orca-test/tokens:1'];
/** A killed server's successor looks at the world at once; this is a resync and a start on top. */
const resumeWithinMs = 240_000;
/** Until then an update of this service is through, so a kill within this time meets every part of it. */
const updateMs = 3000;

/** F15: one writer at a time, whatever happens to the server that replaces it. */
export const stopFirst: Scenario = {
  id: 'F15',
  title: 'stop-first update of a service with a volume, every second time with kill -9 of the server',
  counts: { short: 3, full: 100 },
  inCi: true,
  run: (context) => withOrca('f15', images, (orca) => update(orca, context)),
};

const update = async (orca: Orca, { count, seed, signal, ...context }: ScenarioContext): Promise<ScenarioResult> => {
  const findings = new Findings();
  const draw = random(seed);
  const kills = { resumed: 0, lost: 0, early: 0 };
  findings.expect(await proveDetector('f15-proof'), 'the detector does not notice two writers: nothing was tested');
  writeRevision(orca, 0);
  await mustDeploy(orca);
  for (let round = 1; round <= count; round += 1) {
    signal.throwIfAborted();
    writeRevision(orca, round);
    if (round % 2 === 1) {
      await mustDeploy(orca);
      continue;
    }
    const atMs = Math.round(draw() * updateMs);
    const outcome = await killDuringDeploy(orca, atMs);
    kills[outcome] += 1;
    findings.expect(outcome !== 'lost', `update ${round}: killed after ${atMs} ms, and not resumed`);
    if (outcome !== 'resumed') await mustDeploy(orca);
    context.log(`update ${round} of ${count}, killed after ${atMs} ms: ${outcome}`);
  }
  const tokens = await readTokens(volume);
  findings.figure(
    `${tokens.count} tokens of ${tokens.writers} writers in ${count} updates: ${tokens.overlapMs} ms overlap`,
  );
  findings.figure(describeDowntimes(tokens.downtimesMs));
  const { resumed, lost, early } = kills;
  findings.figure(
    `${resumed}/${resumed + lost} updates that lost their server were finished by the next, ${early} had not begun`,
  );
  findings.expect(tokens.overlapMs === 0, `two writers at the same time for ${tokens.overlapMs} ms`);
  findings.expect(tokens.found.length === 0, `a writer found another's token: ${tokens.found.slice(0, 3).join('; ')}`);
  findings.expect(
    tokens.writers > count,
    `only ${tokens.writers} writers in ${count} updates: not every one was replaced`,
  );
  return findings.result();
};

/**
 * Whether the next server ends what this one began, without being asked. Before it begins (`early`) nobody owes
 * anything: the deploy command fails, and the user asks again.
 */
const killDuringDeploy = async (orca: Orca, atMs: number): Promise<'resumed' | 'lost' | 'early'> => {
  const before = orca.output.length;
  const deploying = orca.orca(['deploy']);
  await sleep(atMs);
  // Of what else it says nothing is owed.
  const hasBegun = orca.output.slice(before).includes(service);
  await orca.end('SIGKILL');
  await deploying;
  await orca.start();
  if (!hasBegun) return 'early';
  const isThere = async (): Promise<boolean> => {
    const { status, isUpToDate } = await stateOf(orca, service);
    return status === 'running' && isUpToDate;
  };
  const waiting = waitFor(isThere, { what: 'the update to be resumed', timeoutMs: resumeWithinMs, everyMs: 500 });
  return waiting.then(
    () => 'resumed',
    () => 'lost',
  );
};

const writeRevision = (orca: Orca, round: number): void =>
  writeServices(orca, [
    serviceText(service, 'orca-test/tokens:1', [
      '[[service.volumes]]',
      `source = "${volume}"`,
      'target = "/data"',
      '[service.deploy]',
      'monitor_secs = 1',
      '[service.env]',
      `ROUND = "${round}"`,
    ]),
  ]);
