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
/** One that no restart mends, and one that is well for three seconds after each. */
const [dead, relapsing] = ['f23-h', 'f23-relapsing'];
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
  const place: Place = { orca, watch, findings };
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

  await failTogether(place);
  context.log('most probes failing at once');

  await failForGood(place, context);
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

interface Place {
  readonly orca: Orca;
  readonly watch: EngineWatch;
  readonly findings: Findings;
}

const failTogether = async ({ orca, watch, findings }: Place): Promise<void> => {
  const probed = fleet.length + 2;
  await Promise.all(failing.map((service) => docker('exec', `orca-${service}`, 'touch', '/tmp/broken')));
  await sleep(decidedMs);
  const restarts = restartsOf(watch, failing);
  const said = logged(orca, /most liveness probes fail/);
  await Promise.all(failing.map((service) => docker('exec', `orca-${service}`, 'rm', '-f', '/tmp/broken')));
  await sleep(decidedMs / 2);
  const what = `(c) ${failing.length} of ${probed} probed services fail at once`;
  findings.figure(`${what}: ${restarts} restarts, ${said.length} warnings of the node`);
  findings.expect(restarts === 0, `${what}: ${restarts} restarts`);
  findings.expect(said.length > 0, `${what}: the log does not say that the node is suspected`);
};

const failForGood = async ({ orca, watch, findings }: Place, { count, signal }: ScenarioContext): Promise<void> => {
  orca.write(
    'services/f23-late/service.toml',
    serviceText(relapsing, 'orca-test/misfit:1', [
      ...probed('/cgi-bin/health', 0),
      '[service.env]',
      'BREAK_AFTER = "3"',
    ]),
  );
  await mustDeploy(orca);
  const sinceMs = Date.now();
  await docker('exec', `orca-${dead}`, 'touch', '/tmp/broken');
  const timeoutMs = patienceMs(count, decidedMs);
  const isSeen = (): boolean =>
    signal.aborted || [dead, relapsing].every((service) => startsApart(watch, service, sinceMs).length >= count);
  await waitFor(isSeen, { what: 'restarts', timeoutMs, everyMs: 500 }).catch(() => {
    // Too few is a finding, below.
  });
  judgePauses(startsApart(watch, dead, sinceMs), count, findings, '(e) fails for good');
  judgePauses(startsApart(watch, relapsing, sinceMs), count, findings, '(e) fails again after each restart');
};

const judgePauses = (pauses: readonly number[], count: number, findings: Findings, what: string): void => {
  findings.figure(`${what}: pauses of ${pauses.map(seconds).join(', ') || 'none'}`);
  findings.expect(pauses.length >= count, `${what}: only ${pauses.length} of ${count} pauses came`);
  for (const [index, pause] of pauses.entries()) {
    const owed = owedPauseMs(index);
    const isRight = pause >= owed * (1 - jitter) && pause <= owed * (1 + jitter) + decidedMs;
    findings.expect(isRight, `${what}: pause ${index + 1} was ${seconds(pause)}, and ${seconds(owed)} are owed`);
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
