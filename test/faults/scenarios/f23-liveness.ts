import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '@orca/tooling-testbed';
import { docker, type Orca } from '../../e2e/orca.ts';
import type { Scenario, ScenarioContext, ScenarioResult } from '../scenario.ts';
import { watchEngine, type EngineWatch } from './engine-watch.ts';
import { Findings, seconds } from './findings.ts';
import { jitter, owedPauseMs, patienceMs, startsApart } from './pauses.ts';
import { logged, mustDeploy, serverPid, serviceText, withOrca, writeServices } from './with-orca.ts';

const full = 6;
const [slow, flapping] = ['f23-slow', 'f23-flapping'];
/** With the two above, six of ten are more than half of all that are probed. */
const fleet = ['f23-a', 'f23-b', 'f23-c', 'f23-d', 'f23-e', 'f23-f', 'f23-g', 'f23-h'];
const failing = fleet.slice(0, 6);
const victim = 'f23-h';
/** Probes come every second and three failures in a row count, so by then a restart would have been decided. */
const decidedMs = 12_000;

interface Times {
  readonly bootSecs: number;
  readonly delaySecs: number;
  readonly blockedMs: number;
}
/** The fewer pauses are asked for, the shorter the rest. */
const timesFor = (count: number): Times =>
  count >= full
    ? { bootSecs: 90, delaySecs: 120, blockedMs: 20_000 }
    : { bootSecs: 12, delaySecs: 20, blockedMs: 8000 };

/** F23: what boots, flaps, or only looks dead is left alone; what is dead is restarted ever more slowly. */
export const liveness: Scenario = {
  id: 'F23',
  title: 'liveness: slow boot, flapping probe, most probes failing at once, a blocked server, one that is dead',
  counts: { short: 2, full },
  inCi: false,
  run: (context) => withOrca('f23', ['orca-test/app:1', 'orca-test/misfit:1'], (orca) => examine(orca, context)),
};

const examine = async (orca: Orca, context: ScenarioContext): Promise<ScenarioResult> => {
  const findings = new Findings();
  const times = timesFor(context.count);
  await using watch = await watchEngine(orca);
  write(orca, times);
  await mustDeploy(orca);

  await sleep(decidedMs);
  expectRestarts(
    watch,
    [slow],
    findings,
    `(a) boots for ${times.bootSecs} s with initial_delay_secs = ${times.delaySecs}`,
  );
  expectRestarts(watch, [flapping], findings, '(b) fails its probe twice of three times');
  context.log('slow boot and flapping probe');

  await blockServer(orca, times);
  expectRestarts(watch, fleet, findings, `(d) server stopped for ${times.blockedMs / 1000} s`);
  context.log('blocked server');

  await failTogether(orca, watch, findings);
  context.log('most probes failing at once');

  await failForGood(watch, findings, context);
  return findings.result();
};

/** Each started once and never again. */
const expectRestarts = (watch: EngineWatch, services: readonly string[], findings: Findings, what: string): void => {
  const restarts = restartsOf(watch, services);
  findings.figure(`${what}: ${restarts} restarts`);
  findings.expect(restarts === 0, `${what}: ${restarts} restarts`);
};

const restartsOf = (watch: EngineWatch, services: readonly string[]): number =>
  services.reduce((sum, service) => sum + watch.events('start', service).length - 1, 0);

/** Its probes that were under way are all late when it goes on. */
const blockServer = async (orca: Orca, { blockedMs }: Times): Promise<void> => {
  const pid = serverPid(orca);
  process.kill(pid, 'SIGSTOP');
  await sleep(blockedMs);
  process.kill(pid, 'SIGCONT');
  await sleep(decidedMs);
};

const failTogether = async (orca: Orca, watch: EngineWatch, findings: Findings): Promise<void> => {
  const probed = fleet.length + 2;
  await Promise.all(failing.map((service) => docker('exec', `orca-${service}`, 'touch', '/tmp/broken')));
  await sleep(decidedMs);
  const restarts = restartsOf(watch, failing);
  const said = logged(orca, /breaker|more than half/i);
  await Promise.all(failing.map((service) => docker('exec', `orca-${service}`, 'rm', '-f', '/tmp/broken')));
  await sleep(decidedMs / 2);
  const what = `(c) ${failing.length} of ${probed} probed services fail at once`;
  findings.figure(`${what}: ${restarts} restarts, ${said.length} lines of the breaker`);
  findings.expect(restarts === 0, `${what}: ${restarts} restarts`);
  findings.expect(said.length > 0, `${what}: the log does not tell of a breaker`);
};

const failForGood = async (
  watch: EngineWatch,
  findings: Findings,
  { count, signal }: ScenarioContext,
): Promise<void> => {
  const sinceMs = Date.now();
  await docker('exec', `orca-${victim}`, 'touch', '/tmp/broken');
  const timeoutMs = patienceMs(count, decidedMs);
  const seen = (): readonly number[] => startsApart(watch, victim, sinceMs);
  const isSeen = (): boolean => signal.aborted || seen().length >= count;
  await waitFor(isSeen, { what: 'restarts', timeoutMs, everyMs: 500 }).catch(() => {
    // Too few is a finding, below.
  });
  const pauses = seen();
  findings.figure(`(e) fails for good: pauses of ${pauses.map(seconds).join(', ')}`);
  findings.expect(pauses.length >= count, `(e) only ${pauses.length} of ${count} pauses within ${seconds(timeoutMs)}`);
  for (const [index, pause] of pauses.entries()) {
    const owed = owedPauseMs(index);
    const isRight = pause >= owed * (1 - jitter) && pause <= owed * (1 + jitter) + decidedMs;
    findings.expect(isRight, `(e) pause ${index + 1} was ${seconds(pause)}, and ${seconds(owed)} are owed`);
  }
};

const write = (orca: Orca, { bootSecs, delaySecs }: Times): void =>
  writeServices(orca, [
    serviceText(slow, 'orca-test/app:1', [...probed('/', delaySecs), '[service.env]', `LISTEN_AFTER = "${bootSecs}"`]),
    serviceText(flapping, 'orca-test/misfit:1', [...probed('/cgi-bin/flap', 0), '[service.env]', 'FLAP = "2"']),
    ...fleet.map((name) => serviceText(name, 'orca-test/app:1', probed('/cgi-bin/health', 0))),
  ]);

const probed = (path: string, delaySecs: number): readonly string[] => [
  'port = 8080',
  'stop_grace_secs = 2',
  '[service.liveness]',
  `path = "${path}"`,
  `initial_delay_secs = ${delaySecs}`,
  'interval_secs = 1',
  'timeout_secs = 1',
  'failure_threshold = 3',
];
