import type { Orca } from '../../e2e/orca.ts';
import type { Scenario, ScenarioContext, ScenarioResult } from '../scenario.ts';
import { Findings, percentile, seconds } from './findings.ts';
import { describeLoad, steadyClient } from './steady-client.ts';
import { mustDeploy, serviceText, withOrca, writeServices } from './with-orca.ts';

const service = 'f25-writer';
const host = `${service}.test`;

/** F25: a routed service with one writer is replaced again and again under load; its requests wait, and none is lost. */
export const held: Scenario = {
  id: 'F25',
  title: 'stop-first updates of a sole instance under 50 requests a second, with hold_secs',
  counts: { short: 3, full: 50 },
  inCi: true,
  run: (context) => withOrca('f25', ['orca-test/app:1'], (orca) => update(orca, context)),
};

const update = async (orca: Orca, context: ScenarioContext): Promise<ScenarioResult> => {
  const { count, signal } = context;
  const findings = new Findings();
  writeRevision(orca, 0);
  await mustDeploy(orca);
  const client = steadyClient({ port: orca.proxyPort, host, perSecond: 50 });
  const durations: number[] = [];
  try {
    for (let round = 1; round <= count; round += 1) {
      signal.throwIfAborted();
      const begun = performance.now();
      // Every third time the same once more, which is a new instance too.
      if (round % 3 !== 0) writeRevision(orca, round);
      const { code, stdout, stderr } = await orca.orca(round % 3 === 0 ? ['redeploy', service] : ['deploy']);
      durations.push(performance.now() - begun);
      findings.expect(code === 0, `update ${round} ended with ${code}: ${stdout}${stderr}`);
      context.log(`update ${round} of ${count}`);
    }
  } finally {
    const load = await client.stop();
    findings.figure(describeLoad(load));
    findings.expect(load.failures.length === 0, `requests failed: ${load.failures.slice(0, 5).join('; ')}`);
    findings.expect(load.worstGapMs > 100, 'nobody ever waited: the service was not away, and nothing was tested');
  }
  findings.figure(`update: median ${seconds(percentile(durations, 0.5))}, p95 ${seconds(percentile(durations, 0.95))}`);
  return findings.result();
};

const writeRevision = (orca: Orca, round: number): void =>
  writeServices(orca, [
    serviceText(service, 'orca-test/app:1', [
      `domain = "${host}"`,
      'port = 8080',
      '[[service.volumes]]',
      'source = "f25-data"',
      'target = "/data"',
      '[service.proxy]',
      'hold_secs = 120',
      '[service.deploy]',
      'min_healthy_secs = 1',
      '[service.env]',
      `ROUND = "${round}"`,
    ]),
  ]);
