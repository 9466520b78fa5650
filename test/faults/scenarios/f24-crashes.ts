import { waitFor } from '@orca/tooling-testbed';
import type { Orca } from '../../e2e/orca.ts';
import type { Scenario, ScenarioContext, ScenarioResult } from '../scenario.ts';
import { watchEngine, type EngineWatch } from './engine-watch.ts';
import { Findings, seconds } from './findings.ts';
import { jitter, owedPauseMs, patienceMs, watchPauses } from './pauses.ts';
import { logged, mustDeploy, serviceText, stateOf, withOrca, writeServices } from './with-orca.ts';

const [hungry, crashing, stubborn] = ['f24-hungry', 'f24-crashing', 'f24-stubborn'];
const images = ['orca-test/app:1', 'orca-test/misfit:1'];
/** Longer than the ten seconds after which the engine's own policy forgets that it has backed off. */
const runSecs = 11;
const graceSecs = 5;
const limit = '16Mi';
/** Time for orca to notice what the engine knows. */
const noticeMs = 15_000;

/** F24: each way of ending badly is called by its name, and never becomes a storm. */
export const crashes: Scenario = {
  id: 'F24',
  title: 'out of memory again and again, a crash every 11 seconds, SIGTERM ignored',
  counts: { short: 2, full: 6 },
  inCi: false,
  run: (context) => withOrca('f24', images, (orca) => examine(orca, context)),
};

const examine = async (orca: Orca, context: ScenarioContext): Promise<ScenarioResult> => {
  const findings = new Findings();
  await using watch = await watchEngine(orca);
  write(orca);
  await mustDeploy(orca);
  // The first start is no restart.
  const sinceMs = Date.now();
  await stopStubborn(orca, watch, findings);
  context.log('SIGTERM ignored');
  await runOutOfMemory(orca, watch, findings);
  context.log('out of memory');
  const { count, signal } = context;
  const timeoutMs = patienceMs(count, noticeMs + runSecs * 1000);
  const pauses = await watchPauses(watch, crashing, { sinceMs, count, timeoutMs, signal });
  await judgeCrashes(orca, { pauses, count }, findings);
  return findings.result();
};

const stopStubborn = async (orca: Orca, watch: EngineWatch, findings: Findings): Promise<void> => {
  const begun = performance.now();
  const { code } = await orca.orca(['stop', stubborn]);
  const tookMs = performance.now() - begun;
  const over = tookMs - graceSecs * 1000;
  const said = logged(orca, /ignored SIGTERM/i);
  const [died] = watch.events('die', stubborn);
  findings.figure(`(c) SIGTERM ignored: stop took its grace of ${graceSecs} s and ${seconds(over)}`);
  findings.expect(code === 0 && died !== undefined, `(c) orca stop ended with ${code}`);
  findings.expect(over >= 0 && over < 1000, `(c) orca stop took ${seconds(tookMs)} with a grace of ${graceSecs} s`);
  findings.expect(said.length > 0, '(c) the log does not say that it ignored SIGTERM');
};

const runOutOfMemory = async (orca: Orca, watch: EngineWatch, findings: Findings): Promise<void> => {
  const isNamed = /(?=.*(OOM|out of memory))(?=.*16\s?Mi)/i;
  const named = async (): Promise<string | undefined> => {
    const { lastFailure } = await stateOf(orca, hungry);
    return lastFailure !== undefined && isNamed.test(lastFailure) ? lastFailure : undefined;
  };
  const told = await waitFor(named, { what: 'OOM to be named', timeoutMs: 3 * noticeMs, everyMs: 500 }).catch(
    async () => `NOT named: ${(await stateOf(orca, hungry)).lastFailure}`,
  );
  findings.expect(!told.startsWith('NOT'), `(a) the status does not tell of OOM with the limit of ${limit}: ${told}`);
  findings.expect(
    watch.events('oom', hungry).length > 0,
    '(a) the engine has not run out of memory: nothing was tested',
  );
  findings.figure(`(a) ${watch.events('oom', hungry).length} times out of memory: ${told}`);
};

interface Crashes {
  readonly pauses: readonly number[];
  readonly count: number;
}

const judgeCrashes = async (orca: Orca, { pauses, count }: Crashes, findings: Findings): Promise<void> => {
  const perHour = 3_600_000 / (pauses.at(-1) ?? 1);
  const unbounded = 3600 / runSecs;
  findings.figure(`(b) crash every ${runSecs} s: starts ${pauses.map(seconds).join(', ')} apart`);
  findings.figure(
    `(b) ${perHour.toFixed(0)} restarts an hour at the last pause, without backoff ${unbounded.toFixed(0)}`,
  );
  findings.expect(pauses.length >= count, `(b) only ${pauses.length} of ${count} pauses seen`);
  for (const [index, pause] of pauses.entries()) {
    const owed = owedPauseMs(index) * (1 - jitter) + runSecs * 1000;
    findings.expect(
      pause >= owed,
      `(b) pause ${index + 1}: ${seconds(pause)} between starts, at least ${seconds(owed)} owed`,
    );
  }
  const { status, lastFailure } = await stateOf(orca, crashing);
  findings.figure(`(b) status: ${status}, ${lastFailure}`);
  findings.expect(
    /crash.?loop/i.test(`${status} ${lastFailure}`),
    `(b) the status does not tell of a crash loop: ${lastFailure}`,
  );
};

const write = (orca: Orca): void => {
  const monitored = ['[service.deploy]', 'monitor_secs = 1'];
  writeServices(orca, [
    serviceText(hungry, 'orca-test/misfit:1', [
      ...monitored,
      '[service.resources]',
      `memory = "${limit}"`,
      '[service.env]',
      'EAT_MEMORY = "4"',
    ]),
    serviceText(crashing, 'orca-test/misfit:1', [...monitored, '[service.env]', `EXIT_AFTER = "${runSecs}"`]),
    serviceText(stubborn, 'orca-test/app:1', [
      `stop_grace_secs = ${graceSecs}`,
      ...monitored,
      '[service.env]',
      'IGNORE_TERM = "1"',
    ]),
  ]);
};
