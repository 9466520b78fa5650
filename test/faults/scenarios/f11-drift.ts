import { setTimeout as sleep } from 'node:timers/promises';
import type { Docker } from '@orca/tooling-testbed';
import { linesOf } from '../containers.ts';
import { spread } from '../figures.ts';
import { serves } from '../page.ts';
import { withRig, type Rig } from '../rig.ts';
import type { Scenario, ScenarioContext, ScenarioResult } from '../scenario.ts';
import { serviceText } from '../services.ts';

const name = 'orca-web';
const network = 'orca-f11';

/** What somebody does to a container past orca. */
const kinds: Readonly<Record<string, readonly (readonly string[])[]>> = {
  stop: [['stop', name]],
  'rm -f': [['rm', '-f', name]],
  pause: [['pause', name]],
  rename: [['rename', name, 'somebody-elses']],
  'network disconnect': [['network', 'disconnect', network, name]],
  'memory update': [['update', '--memory', '16m', '--memory-swap', '16m', name]],
};

const correctedWithinMs = 60_000;
/** As long as several passes take: a stop that is to be remembered is not undone by any of them. */
const rememberedForMs = 8_000;

/** All of a container that a hand can change, as it is now; ids and addresses may differ afterwards. */
const portrait = async (docker: Docker): Promise<string> => {
  const ids = linesOf(
    await docker.output(['ps', '-aq', '--filter', 'label=orca.service=web', '--filter', 'label=orca.cluster=f11']),
  );
  const aliases = '{{range $n, $e := .NetworkSettings.Networks}}{{$n}}:{{json $e.Aliases}}{{end}}';
  const format = `{{.Name}} {{.State.Status}} {{.HostConfig.Memory}} {{.HostConfig.RestartPolicy.Name}} ${aliases}`;
  const { stdout } = await docker.run(['inspect', '--type', 'container', '--format', format, ...ids]);
  // The engine adds the container's own id to its aliases.
  return stdout.replaceAll(/,?"[0-9a-f]{12}"/g, '').trim();
};

const corrected = async (rig: Rig, before: string): Promise<number | undefined> => {
  const begun = performance.now();
  for (;;) {
    const isSame = (await portrait(rig.engine.docker)) === before;
    const ms = performance.now() - begun;
    if (isSame && (await serves(rig.engine, rig.cluster.proxyPort, 'web.test'))) return ms / 1000;
    if (ms > correctedWithinMs) return undefined;
    await sleep(50);
  }
};

/** The one thing done past orca's plan that orca must leave as it is: its own `stop`. */
const staysStopped = async (rig: Rig): Promise<readonly string[]> => {
  await rig.cluster.mustOrca('stop', 'web');
  await sleep(rememberedForMs);
  const remembered = await rig.settle({ timeoutMs: 0 });
  await rig.cluster.restart();
  await sleep(rememberedForMs);
  const still = await rig.settle({ timeoutMs: 0 });
  return [...remembered.faults, ...still.faults.map((fault) => `after a restart of the server: ${fault}`)];
};

const run = async (context: ScenarioContext): Promise<ScenarioResult> =>
  withRig({ name: 'f11', env: { ORCA_RESYNC_SECS: '3' } }, async (rig) => {
    const { cluster, engine } = rig;
    const text = { name: 'web', isRouted: true, memoryMb: 32, network };
    cluster.write('services/web/service.toml', serviceText(text));
    await cluster.start();
    await cluster.mustOrca('deploy');
    const before = await portrait(engine.docker);
    const figures: string[] = [];
    const violations: string[] = [];
    for (const [kind, commands] of Object.entries(kinds)) {
      const seconds: number[] = [];
      for (let i = 0; i < context.count; i += 1) {
        context.signal.throwIfAborted();
        for (const command of commands) await engine.docker.output(command);
        const took = await corrected(rig, before);
        if (took !== undefined) {
          seconds.push(took);
          continue;
        }
        violations.push(`${kind}: not corrected; it was ${before} and is ${await portrait(engine.docker)}`);
        // The next kind begins from a good state; a container that nobody knows any more is in its way.
        await engine.docker.run(['rm', '-f', name, 'somebody-elses']);
        await cluster.orca('deploy', 'web');
      }
      figures.push(`${kind}: ${seconds.length}/${context.count} corrected: ${spread(seconds)}`);
      context.log(figures.at(-1) ?? '');
    }
    violations.push(...(await staysStopped(rig)), ...(await rig.foreignFaults()));
    return { figures, violations };
  });

export const f11: Scenario = {
  id: 'F11',
  title: 'containers are stopped, removed, paused, renamed, disconnected and given other limits by hand',
  counts: { short: 1, full: 20 },
  inCi: true,
  run,
};
