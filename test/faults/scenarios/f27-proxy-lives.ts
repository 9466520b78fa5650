import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Orca } from '../../e2e/orca.ts';
import type { Scenario, ScenarioContext, ScenarioResult } from '../scenario.ts';
import { Findings, percentile, seconds } from './findings.ts';
import { numberAt } from './json.ts';
import { describeLoad, steadyClient } from './steady-client.ts';
import { mustDeploy, serverPid, serviceText, withOrca, writeServices } from './with-orca.ts';

const service = 'f27-web';
const host = `${service}.test`;
const perSecond = 100;
/** How long nobody controls the proxy, and how long the new server is watched. */
const awayMs = 1_000;
const watchMs = 2_000;

/** F27: requests do not notice that the control plane dies and comes back, nor that the proxy's supervisor does. */
export const proxyLives: Scenario = {
  id: 'F27',
  title: `kill -9 of the control plane and its restart, and of the proxy's supervisor, under ${perSecond} requests a second`,
  counts: { short: 2, full: 20 },
  inCi: true,
  run: (context) => withOrca('f27', ['orca-test/app:1'], (orca) => outlive(orca, context)),
};

const outlive = async (orca: Orca, context: ScenarioContext): Promise<ScenarioResult> => {
  const { count, signal } = context;
  const findings = new Findings();
  writeServices(orca, [serviceText(service, 'orca-test/app:1', [`domain = "${host}"`, 'port = 8080'])]);
  await mustDeploy(orca);
  const restarts: number[] = [];
  const client = steadyClient({ port: orca.proxyPort, host, perSecond });
  const first = proxyPid(orca);
  try {
    for (let round = 1; round <= count; round += 1) {
      signal.throwIfAborted();
      const before = proxyPid(orca);
      process.kill(serverPid(orca), 'SIGKILL');
      await orca.end('SIGKILL');
      await sleep(awayMs);
      const begun = performance.now();
      await orca.start();
      restarts.push(performance.now() - begun);
      await sleep(watchMs);
      findings.expect(proxyPid(orca) === before, `restart ${round}: another proxy serves than before`);
      context.log(`restart ${round} of ${count}`);
    }
  } finally {
    const load = await client.stop();
    findings.figure(`control plane: ${describeLoad(load)}`);
    findings.expect(load.failures.length === 0, `requests failed: ${load.failures.slice(0, 5).join('; ')}`);
  }
  findings.figure(`${count} restarts, ready after median ${seconds(percentile(restarts, 0.5))}`);
  await loseSupervisor(orca, first, findings);
  return findings.result();
};

/** Its workers serve on, and the server finds the supervisor that they start. */
const loseSupervisor = async (orca: Orca, pid: number, findings: Findings): Promise<void> => {
  const client = steadyClient({ port: orca.proxyPort, host, perSecond });
  await sleep(500);
  process.kill(pid, 'SIGKILL');
  const until = performance.now() + 60_000;
  while ([pid, 0].includes(proxyPid(orca)) && performance.now() < until) await sleep(50);
  findings.expect(![pid, 0].includes(proxyPid(orca)), 'nobody followed the supervisor that was killed');
  await sleep(watchMs);
  const load = await client.stop();
  findings.figure(`supervisor: ${describeLoad(load)}`);
  findings.expect(load.failures.length === 0, `requests failed: ${load.failures.slice(0, 5).join('; ')}`);
  // It obeys the server that was there all the time.
  writeServices(orca, [serviceText(service, 'orca-test/app:1', [`domain = "moved.test"`, 'port = 8080'])]);
  await mustDeploy(orca);
  findings.expect((await orca.get('moved.test', '/version')).status === 200, 'a deploy after that was not served');
};

/** 0 while one follows another. */
const proxyPid = (orca: Orca): number => {
  const path = join(orca.home, 'proxy.pid');
  try {
    return numberAt(JSON.parse(readFileSync(path, 'utf8')), 'pid') ?? 0;
  } catch {
    return 0;
  }
};
