import { waitFor } from '@orca/tooling-testbed';
import type { Orca } from '../../e2e/orca.ts';
import type { Scenario, ScenarioContext, ScenarioResult } from '../scenario.ts';
import { watchEngine, type EngineWatch } from './engine-watch.ts';
import { Findings, seconds } from './findings.ts';
import { jitter, owedPauseMs, patienceMs, runsOf, type Run } from './pauses.ts';
import { logged, mustDeploy, serviceText, stateOf, withOrca, writeServices } from './with-orca.ts';

const [hungry, crashing, stubborn] = ['f24-hungry', 'f24-crashing', 'f24-stubborn'];
const images = ['orca-test/app:1', 'orca-test/misfit:1'];
/** Longer than the ten seconds after which the engine's own policy forgets that it has backed off. */
const runSecs = 11;
/** Crashes in ten minutes that are an accident yet, and owe no rest. */
const tolerated = 3;
const graceSecs = 5;
const limit = '16Mi';
/** Time for orca to notice what the engine knows. */
const noticeMs = 15_000;

/** F24: each way of ending badly is called by its name, and never becomes a storm. */
export const crashes: Scenario = {
  id: 'F24',
  title: 'out of memory again and again, a crash every 11 seconds, SIGTERM ignored',
  counts: { short: 2, full: 8 },
  inCi: false,
  run: (context) => withOrca('f24', images, (orca) => examine(orca, context)),
};

const examine = async (orca: Orca, context: ScenarioContext): Promise<ScenarioResult> => {
  const findings = new Findings();
  await using watch = await watchEngine(orca);
  write(orca);
  await mustDeploy(orca);
  await stopStubborn(orca, watch, findings);
  context.log('SIGTERM ignored');
  await runOutOfMemory(orca, watch, findings);
  context.log('out of memory');
  await crashOnAndOn({ orca, watch, findings }, context);
  return findings.result();
};

const stopStubborn = async (orca: Orca, watch: EngineWatch, findings: Findings): Promise<void> => {
  const begun = performance.now();
  const { code } = await orca.orca(['stop', stubborn]);
  const tookMs = performance.now() - begun;
  const over = tookMs - graceSecs * 1000;
  const said = logged(orca, /ignored .*SIGTERM/);
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

interface Place {
  readonly orca: Orca;
  readonly watch: EngineWatch;
  readonly findings: Findings;
}

const crashOnAndOn = async ({ orca, watch, findings }: Place, { count, signal }: ScenarioContext): Promise<void> => {
  // What was ended before its time did not crash: the engine was faster to start it than orca to hold it.
  const crashed = (): readonly Run[] => runsOf(watch, crashing).filter((r) => r.toMs - r.fromMs > 900 * runSecs);
  const rests = (): readonly number[] =>
    crashed()
      .slice(1)
      .map(({ fromMs }, index) => fromMs - (crashed()[index]?.toMs ?? fromMs));
  const owedRests = (): readonly number[] => rests().slice(tolerated);
  const timeoutMs = patienceMs(count, noticeMs + runSecs * 1000) + (tolerated + 2) * runSecs * 1000;
  const isSeen = (): boolean => signal.aborted || owedRests().length >= count;
  await waitFor(isSeen, { what: 'crashes', timeoutMs, everyMs: 500 }).catch(() => {
    // Too few is a finding, below.
  });
  const perHour = 3600 / (runSecs + (rests().at(-1) ?? 0) / 1000);
  findings.figure(`(b) crash every ${runSecs} s: rests of ${rests().map(seconds).join(', ')}`);
  findings.figure(`(b) ${runsOf(watch, crashing).length - crashed().length} starts by the engine that orca had to end`);
  findings.figure(
    `(b) ${perHour.toFixed(0)} restarts an hour at the last rest, ${(3600 / runSecs).toFixed(0)} without any`,
  );
  findings.expect(owedRests().length >= count, `(b) only ${owedRests().length} of ${count} rests seen`);
  for (const [index, rest] of owedRests().entries()) {
    const owed = owedPauseMs(index);
    findings.expect(
      rest >= owed * (1 - jitter),
      `(b) rest ${index + 1} was ${seconds(rest)}, ${seconds(owed)} are owed`,
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
