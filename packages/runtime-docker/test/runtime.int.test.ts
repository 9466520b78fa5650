import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { instanceKey, revision, type ActionOf, type InstanceKey } from '@orca/reconcile';
import { createDockerRuntime, createProber, type DockerRuntime } from '@orca/runtime-docker';
import { parseDesiredState, renderTemplate, type ServiceSpec } from '@orca/spec';
import { createDocker, ensureImages } from '@orca/tooling-testbed';
import { noSecrets } from './a-spec.ts';

const cluster = 'orca-int-runtime';
const signal = new AbortController().signal;
const engine = createDocker();
const docker = { output: async (args: readonly string[]): Promise<string> => (await engine.output(args)).trim() };
const calls: string[] = [];
let runtime: DockerRuntime;
let root: string;

const specOf = (text: string): ServiceSpec => {
  const parsed = parseDesiredState([{ path: 'services/int/service.toml', text }], { root, cluster: undefined });
  const [spec] = parsed.ok ? parsed.value.services : [];
  if (spec === undefined) throw new Error(JSON.stringify(parsed));
  return spec;
};
const app = (name: string, more = ''): ServiceSpec =>
  specOf(`[[service]]\nname = "${name}"\nimage = "orca-test/app:1"\nport = 8080\n${more}`);
const keyOf = (spec: ServiceSpec, rev: string): InstanceKey => instanceKey(spec.name, 1, revision(rev));
const creation = (spec: ServiceSpec, rev: string, isReplacement = false): ActionOf<ServiceSpec, 'create'> => ({
  kind: 'create',
  service: spec.name,
  reason: 'test',
  key: keyOf(spec, rev),
  slot: 1,
  revision: revision(rev),
  spec,
  isReplacement,
});
const up = async (spec: ServiceSpec, rev: string): Promise<InstanceKey> => {
  await runtime.create(creation(spec, rev), signal);
  await runtime.start(keyOf(spec, rev), signal);
  return keyOf(spec, rev);
};
const names = async (): Promise<readonly string[]> =>
  (await docker.output(['ps', '-a', '--filter', `label=orca.cluster=${cluster}`, '--format', '{{.Names}}']))
    .split('\n')
    .filter((n) => n !== '')
    .sort();
const clear = async (): Promise<void> => {
  for (const name of await names()) await docker.output(['rm', '-f', '-v', name]);
};

beforeAll(async () => {
  await ensureImages(['orca-test/app:1', 'busybox:1.36']);
  root = mkdtempSync(join(tmpdir(), 'orca-int-'));
  runtime = createDockerRuntime({
    cluster,
    env: {
      render: async (spec) => ({
        env: Object.fromEntries(Object.entries(spec.env).map(([k, t]) => [k, renderTemplate(t, () => 's3cret-value')])),
        command: spec.command?.map((t) => renderTemplate(t, () => 's3cret-value')),
        entrypoint: undefined,
      }),
    },
    onMutation: (call) => calls.push(call),
    operationOf: (key) => `operation-of-${key}`,
  });
});
afterEach(clear);
afterAll(async () => {
  for (const kind of ['network', 'volume']) {
    const found = await docker.output([kind, 'ls', '-q', '--filter', `label=orca.cluster=${cluster}`]);
    for (const name of found.split('\n').filter((n) => n !== '')) await docker.output([kind, 'rm', name]);
  }
  rmSync(root, { recursive: true });
});

describe('the life of an instance', () => {
  it('goes from candidate to current, and every call made twice is the same as once', async () => {
    const spec = app('int-life');
    const key = keyOf(spec, 'a');
    const stages: string[] = [];
    const look = async (): Promise<void> => {
      const [i] = await runtime.observe(signal);
      stages.push(i === undefined ? 'none' : `${i.stage} ${i.status}`);
    };
    const steps = [
      () => runtime.create(creation(spec, 'a'), signal),
      () => runtime.start(key, signal),
      () => runtime.commit(key, signal),
      () => runtime.stop(key, 2000, signal),
      () => runtime.remove(key, signal),
    ];
    for (const step of steps) {
      await step();
      await look();
      calls.length = 0;
      await step();
      expect(calls.filter((c) => !c.startsWith('start'))).toEqual([]);
    }
    expect(stages).toEqual(['candidate created', 'candidate running', 'current running', 'current exited', 'none']);
  });

  it('5: says in its labels who it is, what it was made from, and which deploy asked for it', async () => {
    const spec = app('int-labels');
    const key = await up(spec, 'a');
    const [id, found] = await Promise.all([
      docker.output(['image', 'inspect', '--format', '{{.Id}}', 'orca-test/app:1']),
      docker.output(['inspect', '--format', '{{json .Config.Labels}}', 'orca-int-labels.next']),
    ]);
    expect(JSON.parse(found)).toMatchObject({
      'orca.cluster': cluster,
      'orca.service': 'int-labels',
      'orca.slot': '1',
      'orca.revision': 'a',
      // Built here, so that no registry has a digest for it.
      'orca.image-digest': id,
      'orca.operation': `operation-of-${key}`,
    });
  });

  it('2: observing changes nothing', async () => {
    await up(app('int-look'), 'a');
    calls.length = 0;
    await runtime.observe(signal);
    await runtime.details(signal);
    expect(calls).toEqual([]);
  });

  it('keeps a replacement from being started by anyone but orca until it is committed', async () => {
    const spec = app('int-policy');
    const policy = (name: string): Promise<string> =>
      docker.output(['inspect', '--format', '{{.HostConfig.RestartPolicy.Name}}', name]);
    await runtime.create(creation(spec, 'a', true), signal);
    expect(await policy('orca-int-policy.next')).toBe('no');
    await runtime.start(keyOf(spec, 'a'), signal);
    await runtime.commit(keyOf(spec, 'a'), signal);
    expect(await policy('orca-int-policy')).toBe('always');
    await runtime.stop(keyOf(spec, 'a'), 2000, signal);
    expect(await policy('orca-int-policy')).toBe('no');
    await runtime.start(keyOf(spec, 'a'), signal);
    expect(await policy('orca-int-policy')).toBe('always');
  });

  it('36: leaves the starting of who is held to orca, and gives it back to the engine afterwards', async () => {
    let isHeld = false;
    const holding = createDockerRuntime({ cluster, env: noSecrets, isHeld: () => isHeld });
    const spec = app('rt-held');
    const key = await up(spec, 'a');
    await holding.commit(key, signal);
    const policy = async (): Promise<string> =>
      docker.output(['inspect', '--format', '{{.HostConfig.RestartPolicy.Name}}', 'orca-rt-held']);
    const drift = async (): Promise<readonly string[]> =>
      (await holding.observe(signal)).flatMap((i) => (i.key === key ? i.drift : []));
    expect([await policy(), await drift()]).toEqual(['always', []]);
    isHeld = true;
    expect(await drift()).toEqual(['has restart policy always instead of no']);
    await holding.repair(key, signal);
    await holding.stop(key, 100, signal);
    await holding.start(key, signal);
    expect([await policy(), await drift()]).toEqual(['no', []]);
    isHeld = false;
    await holding.repair(key, signal);
    expect([await policy(), await drift()]).toEqual(['always', []]);
  });

  it('finishes a commit that died between its two renames', async () => {
    const spec = app('int-commit');
    const old = await up(spec, 'a');
    await runtime.commit(old, signal);
    const next = await up(spec, 'b');
    await docker.output(['rename', 'orca-int-commit', 'orca-int-commit.replaced']);
    await runtime.commit(next, signal);
    expect(await names()).toEqual(['orca-int-commit', 'orca-int-commit.replaced']);
    const stages = new Map((await runtime.observe(signal)).map((i) => [i.key, i.stage]));
    expect(stages.get(next)).toBe('current');
    expect(stages.get(old)).toBe('retired');
  });

  it('never says that it removed what still runs', async () => {
    const key = await up(app('int-alive'), 'a');
    await expect(runtime.remove(key, signal)).rejects.toThrow(/running/);
    expect(await runtime.inspect(key)).toMatchObject({ status: 'running' });
  });

  it('delivers SIGTERM and waits for a clean end', async () => {
    const key = await up(
      specOf(
        '[[service]]\nname = "int-term"\nimage = "busybox:1.36"\ncommand = ["sh", "-c", "trap \'echo bye; exit 0\' TERM; echo up; while :; do sleep 0.1; done"]\n',
      ),
      'a',
    );
    // Before that the signal would not be heard by the first process of a container.
    for await (const line of runtime.logs(key, { tail: 5, follow: true, signal })) if (line.text === 'up') break;
    await runtime.stop(key, 60_000, signal);
    const lines: string[] = [];
    for await (const line of runtime.logs(key, { tail: 5, follow: false, signal })) lines.push(line.text);
    expect(lines).toContain('bye');
    expect(await runtime.inspect(key)).toMatchObject({ exitCode: 0 });
  });
});

describe('what an instance gets', () => {
  it('resolves others by service name, container name and alias, on its project network', async () => {
    await up(app('int-db', 'aliases = ["database"]'), 'a');
    await up(app('int-web'), 'a');
    for (const name of ['int-db', 'orca-int-db', 'database']) {
      expect(await docker.output(['exec', 'orca-int-web.next', 'nslookup', name])).toContain('Address');
    }
  });

  it('20: starts again though somebody pruned the networks of what was stopped, under all its names', async () => {
    const spec = app('int-pruned', 'project = "int-pruned"\naliases = ["pruned"]\ninternal = true');
    const key = await up(spec, 'a');
    await runtime.commit(key, signal);
    await runtime.stop(key, 2000, signal);
    await docker.output(['network', 'rm', 'orca-int-pruned']);
    await runtime.start(key, signal);
    expect(await runtime.observe(signal)).toMatchObject([{ key, stage: 'current', status: 'running', drift: [] }]);
    expect(await docker.output(['exec', 'orca-int-pruned', 'nslookup', 'pruned'])).toContain('Address');
  });

  it('keeps the data of a volume over its containers, and cannot write to a read-only mount', async () => {
    writeFileSync(join(root, 'greeting'), 'hello');
    const spec = app(
      'int-data',
      '[[service.volumes]]\nsource = "orca-int-data"\ntarget = "/data"\n[[service.mounts]]\nsource = "./greeting"\ntarget = "/greeting"\nread_only = true\n',
    );
    const first = await up(spec, 'a');
    await docker.output(['exec', 'orca-int-data.next', 'sh', '-c', 'cp /greeting /data/kept']);
    await expect(docker.output(['exec', 'orca-int-data.next', 'sh', '-c', 'echo x > /greeting'])).rejects.toThrow();
    await runtime.stop(first, 2000, signal);
    await runtime.remove(first, signal);
    await up(spec, 'b');
    expect(await docker.output(['exec', 'orca-int-data.next', 'cat', '/data/kept'])).toBe('hello');
  });

  it('9: has its secret in its environment and nowhere in its labels or name', async () => {
    await up(app('int-secret', '[service.env]\nPASSWORD = "${secrets.X}"\n'), 'a');
    expect(await docker.output(['exec', 'orca-int-secret.next', 'sh', '-c', 'echo $PASSWORD'])).toBe('s3cret-value');
    expect(
      await docker.output(['inspect', '--format', '{{json .Config.Labels}} {{.Name}}', 'orca-int-secret.next']),
    ).not.toContain('s3cret');
  });
});

describe('what is in the way', () => {
  it('18: a stranger that holds the name is named and never touched', async () => {
    const id = await docker.output(['create', '--name', 'orca-int-name.next', 'busybox:1.36', 'sleep', '60']);
    try {
      await expect(runtime.create(creation(app('int-name'), 'a'), signal)).rejects.toMatchObject({
        code: 'ORCA_RUNTIME_NAME_TAKEN',
        message: expect.stringContaining(id.slice(0, 12)),
        retryable: false,
      });
      expect(await docker.output(['inspect', '--format', '{{.Id}}', 'orca-int-name.next'])).toBe(id);
    } finally {
      await docker.output(['rm', '-f', 'orca-int-name.next']);
    }
  });

  it('an own, unproven one of another revision makes room', async () => {
    const spec = app('int-stale');
    await up(spec, 'a');
    await runtime.create(creation(spec, 'b'), signal);
    expect((await runtime.observe(signal)).map((i) => i.key)).toEqual([keyOf(spec, 'b')]);
  });

  it('a taken host port is named', async () => {
    const server: Server = createServer();
    await new Promise<void>((done) => server.listen(0, '0.0.0.0', done));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    try {
      const spec = app('int-port', `extra_ports = ["${port}:8080"]\n`);
      await runtime.create(creation(spec, 'a'), signal);
      await expect(runtime.start(keyOf(spec, 'a'), signal)).rejects.toMatchObject({
        code: 'ORCA_RUNTIME_PORT_IN_USE',
        message: expect.stringContaining(String(port)),
      });
    } finally {
      server.close();
    }
  });

  it('an image that cannot be had is said with its registry', async () => {
    const spec = specOf('[[service]]\nname = "int-image"\nimage = "localhost:9/nothing:1"\n');
    await expect(runtime.prepare(spec, signal)).rejects.toMatchObject({
      code: 'ORCA_RUNTIME_REGISTRY_UNREACHABLE',
      message: expect.stringContaining('localhost:9'),
    });
    const never = specOf('[[service]]\nname = "int-image"\nimage = "localhost:9/nothing:1"\npull_policy = "never"\n');
    await expect(runtime.prepare(never, signal)).rejects.toMatchObject({ code: 'ORCA_RUNTIME_IMAGE_NOT_FOUND' });
  });

  it('31: a present tag other than latest is never pulled', async () => {
    calls.length = 0;
    await runtime.prepare(app('int-present'), signal);
    expect(calls).toEqual([]);
  });

  it('an engine that is not there is said with its address and what to do', async () => {
    const lost = createDockerRuntime({
      cluster,
      host: 'unix:///nowhere.sock',
      env: { render: async () => ({ env: {}, command: undefined, entrypoint: undefined }) },
    });
    await expect(lost.observe(signal)).rejects.toMatchObject({
      code: 'ORCA_RUNTIME_UNREACHABLE',
      retryable: true,
      message: expect.stringMatching(/nowhere\.sock.*systemctl start docker/),
    });
  });
});

describe('awaitReady', () => {
  const wait = (spec: ServiceSpec, rev: string, isReplacement = false): Promise<void> =>
    createProber({ runtime, now: () => performance.now(), userAgent: 'orca-probe/test' }).awaitReady(
      { kind: 'awaitReady', service: spec.name, reason: 'test', key: keyOf(spec, rev), spec, isReplacement },
      signal,
    );
  const probe = (more: string, deadlineSecs = 120, minHealthySecs = 1): string =>
    `[service.deploy]\nmin_healthy_secs = ${minHealthySecs}\nhealthy_deadline_secs = ${deadlineSecs}\nmonitor_secs = 1\n[service.env]\n${more}\n[service.liveness]\npath = "/cgi-bin/ready"\ninitial_delay_secs = 0\n`;

  it('waits for the probe, and asks as orca-probe on a connection of its own', async () => {
    const spec = app('int-ready', probe('READY_AFTER = "2"'));
    const begun = performance.now();
    await up(spec, 'a');
    await wait(spec, 'a');
    expect(performance.now() - begun).toBeGreaterThan(1000);
  });

  it('says what the last probe saw when the deadline passes', async () => {
    const spec = app('int-never', probe('READY_AFTER = "3600"', 4));
    await up(spec, 'a');
    await expect(wait(spec, 'a')).rejects.toMatchObject({
      code: 'ORCA_RUNTIME_NOT_READY',
      message: expect.stringMatching(/\/cgi-bin\/ready answered 503/),
    });
  });

  it('ends at once when the container exits, with its code', async () => {
    const spec = app('int-crash', probe('FAIL_START = "1"'));
    await runtime.create(creation(spec, 'a', true), signal);
    await runtime.start(keyOf(spec, 'a'), signal);
    const begun = performance.now();
    await expect(wait(spec, 'a', true)).rejects.toMatchObject({
      code: 'ORCA_RUNTIME_EXITED',
      message: expect.stringContaining('exited with code 1'),
    });
    expect(performance.now() - begun).toBeLessThan(60_000);
  });

  it('27: lets a replacement prove itself for min_healthy, and trusts a first instance at its first success', async () => {
    const spec = app('int-window', probe('A = "b"', 120, 8));
    await up(spec, 'a');
    const begun = performance.now();
    await wait(spec, 'a', false);
    const first = performance.now() - begun;
    await wait(spec, 'a', true);
    expect(first).toBeLessThan(8000);
    expect(performance.now() - begun - first).toBeGreaterThanOrEqual(8000);
  });

  it('takes an accepting port for readiness when there is no probe, and running on when there is neither', async () => {
    const port = app('int-tcp', '[service.env]\nLISTEN_AFTER = "1"\n');
    await up(port, 'a');
    await wait(port, 'a');
    const neither = specOf(
      '[[service]]\nname = "int-none"\nimage = "busybox:1.36"\ncommand = ["sleep", "60"]\n[service.deploy]\nmonitor_secs = 1\n',
    );
    await up(neither, 'a');
    const begun = performance.now();
    await wait(neither, 'a');
    expect(performance.now() - begun).toBeGreaterThanOrEqual(1000);
  });
});
