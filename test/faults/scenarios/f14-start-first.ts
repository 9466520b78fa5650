import type { Orca } from '../../e2e/orca.ts';
import type { Scenario, ScenarioContext, ScenarioResult } from '../scenario.ts';
import { Findings, percentile, seconds } from './findings.ts';
import { describeLoad, steadyClient } from './steady-client.ts';
import { talkUpgraded } from './upgraded-connection.ts';
import { mustDeploy, serviceText, withOrca, writeServices } from './with-orca.ts';

const [web, socket] = ['f14-web', 'f14-socket'];
const [webHost, socketHost] = [`${web}.test`, `${socket}.test`];
/** Both kinds of long request last this long: from before the new instance starts until the old one drains. */
const longMs = 5000;

/** F14: a routed service without a volume is updated again and again under load, and nobody notices. */
export const startFirst: Scenario = {
  id: 'F14',
  title: 'start-first update under 100 requests a second, with a 5-second request and a WebSocket in flight each time',
  counts: { short: 3, full: 100 },
  inCi: true,
  run: (context) => withOrca('f14', ['orca-test/app:1', 'orca-test/tunnel:1'], (orca) => update(orca, context)),
};

const update = async (orca: Orca, context: ScenarioContext): Promise<ScenarioResult> => {
  const { count, signal } = context;
  const findings = new Findings();
  writeRevision(orca, 0);
  await mustDeploy(orca);
  const client = steadyClient({ port: orca.proxyPort, host: webHost, perSecond: 100 });
  const durations: number[] = [];
  let [slow, tunnels] = [0, 0];
  try {
    for (let round = 1; round <= count; round += 1) {
      signal.throwIfAborted();
      const slowly = orca.get(webHost, `/cgi-bin/slow?${longMs / 1000}`).catch((error: unknown) => ({
        status: 0,
        body: String(error),
      }));
      const talking = talkUpgraded({ port: orca.proxyPort, host: socketHost, forMs: longMs });
      durations.push(await deploy(orca, round, findings));
      const [page, tunnel] = [await slowly, await talking];
      const isWhole = page.status === 200 && page.body.endsWith(`line ${longMs / 1000}\n`);
      if (findings.expect(isWhole, `deploy ${round}: the 5-second request ended with ${page.status} ${page.body}`))
        slow += 1;
      const isEchoed = tunnel.fault === undefined && tunnel.echoed === tunnel.sent;
      const { sent, echoed, fault } = tunnel;
      if (findings.expect(isEchoed, `deploy ${round}: WebSocket: ${echoed} of ${sent} bytes, ${fault ?? 'no fault'}`))
        tunnels += 1;
      context.log(`deploy ${round} of ${count}`);
    }
  } finally {
    const load = await client.stop();
    findings.figure(describeLoad(load));
    findings.expect(load.failures.length === 0, `requests failed: ${load.failures.slice(0, 5).join('; ')}`);
  }
  findings.figure(`${slow}/${count} 5-second requests and ${tunnels}/${count} WebSockets ended well`);
  findings.figure(
    `deploy of both: median ${seconds(percentile(durations, 0.5))}, p95 ${seconds(percentile(durations, 0.95))}`,
  );
  return findings.result();
};

const deploy = async (orca: Orca, round: number, findings: Findings): Promise<number> => {
  writeRevision(orca, round);
  const begun = performance.now();
  const { code, stdout, stderr } = await orca.orca(['deploy']);
  findings.expect(code === 0, `deploy ${round} ended with ${code}: ${stdout}${stderr}`);
  return performance.now() - begun;
};

const writeRevision = (orca: Orca, round: number): void => {
  const policy = ['[service.deploy]', 'min_healthy_secs = 2', 'drain_secs = 10', '[service.env]', `ROUND = "${round}"`];
  const routed = (host: string): readonly string[] => [`domain = "${host}"`, 'port = 8080', ...policy];
  writeServices(orca, [
    serviceText(web, 'orca-test/app:1', routed(webHost)),
    serviceText(socket, 'orca-test/tunnel:1', routed(socketHost)),
  ]);
};
