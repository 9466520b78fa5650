import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { instanceKey, revision } from '@orca/reconcile';
import { createDockerRuntime } from '@orca/runtime-docker';
import { createDocker, ensureImages } from '@orca/tooling-testbed';
import { aSpec, noSecrets } from './a-spec.ts';

const cluster = 'orca-compose-keys';
const engine = createDocker();
const runtime = createDockerRuntime({ cluster, env: noSecrets });
const signal = new AbortController().signal;

const text = `
command = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"]
entrypoint = ["/bin/env", "FROM_ENTRYPOINT=yes"]
user = "1000:1000"
working_dir = "/srv"
hostname = "composed"
init = true
tmpfs = ["/scratch:size=1m,mode=1777"]
shm_size = "8m"
cap_drop = ["ALL"]
extra_hosts = ["somebody:10.1.2.3"]
dns = ["10.9.9.9"]
read_only = true
internal = true
ulimits = { nofile = { soft = 123, hard = 456 } }
sysctls = { "net.core.somaxconn" = 77 }
labels = { team = "web" }
[service.logging]
options = { max-size = "1m" }
`;

describe('what Compose has under the same name, in a real container', () => {
  const spec = aSpec('composed', text);
  const key = instanceKey(spec.name, 1, revision('a'));
  let id = '';
  const inside = async (command: string): Promise<string> =>
    (await engine.output(['exec', id, 'sh', '-c', command])).trim();
  const inspect = async (format: string): Promise<string> =>
    (await engine.output(['inspect', '--format', format, id])).trim();

  beforeAll(async () => {
    await ensureImages(['busybox:1.36']);
    const create = {
      kind: 'create',
      service: spec.name,
      reason: 'test',
      key,
      slot: 1,
      revision: revision('a'),
    } as const;
    await runtime.create({ ...create, spec, isReplacement: false }, signal);
    await runtime.start(key, signal);
    id = (await engine.output(['ps', '-q', '--filter', `label=orca.cluster=${cluster}`])).trim();
  });
  afterAll(async () => {
    await engine.output(['rm', '-f', id]);
    for (const kind of ['network']) {
      const found = await engine.output([kind, 'ls', '-q', '--filter', `label=orca.cluster=${cluster}`]);
      for (const name of found.split('\n').filter((line) => line !== '')) await engine.output([kind, 'rm', name]);
    }
  });

  it('runs as that user, in that directory, through that entrypoint, under an init', async () => {
    expect(await inside('id -u; id -g; pwd; hostname')).toBe('1000\n1000\n/srv\ncomposed');
    expect(await inside('tr "\\0" " " < /proc/1/cmdline')).toContain('/bin/env FROM_ENTRYPOINT=yes sh -c');
    expect(await inspect('{{.HostConfig.Init}}')).toBe('true');
  });

  it('has those limits and file systems', async () => {
    expect(await inside('ulimit -Sn; ulimit -Hn')).toBe('123\n456');
    expect(await inside('touch /scratch/x && echo writable; touch /x 2>/dev/null || echo read-only')).toBe(
      'writable\nread-only',
    );
    expect(await inside("df -k /scratch /dev/shm | awk 'NR>1 {print $2}'")).toBe('1024\n8192');
    expect(await inside('cat /proc/sys/net/core/somaxconn')).toBe('77');
    expect(await inside('grep CapEff /proc/self/status')).toMatch(/0000000000000000$/);
  });

  it('resolves as asked, and is on both networks under all its names', async () => {
    expect(await inside('grep somebody /etc/hosts')).toBe('10.1.2.3\tsomebody');
    expect(await inspect('{{.HostConfig.Dns}}')).toBe('[10.9.9.9]');
    expect(await inspect('{{range $name, $n := .NetworkSettings.Networks}}{{$name}} {{end}}')).toBe(
      'orca-int orca-internal',
    );
    expect(await inspect('{{index .NetworkSettings.Networks "orca-internal" "Aliases"}}')).toContain(
      'composed orca-composed',
    );
  });

  it('keeps its own labels beside those of orca, and its caps on logs', async () => {
    expect(await inspect('{{.Config.Labels.team}} {{index .Config.Labels "orca.service"}}')).toBe('web composed');
    expect(await inspect('{{.HostConfig.LogConfig.Config}}')).toBe('map[max-file:3 max-size:1m]');
  });

  it('20: notices when it is taken off the shared network, and puts it back', async () => {
    await runtime.commit(key, signal);
    await engine.output(['network', 'disconnect', 'orca-internal', id]);
    const [seen] = await createDockerRuntime({ cluster, env: noSecrets }).observe(signal);
    expect(seen?.drift).toEqual(['was disconnected from network orca-internal']);
    await runtime.repair(key, signal);
    const [mended] = await createDockerRuntime({ cluster, env: noSecrets }).observe(signal);
    expect(mended?.drift).toEqual([]);
  });
});
