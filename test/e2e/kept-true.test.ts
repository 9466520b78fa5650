import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ensureImages, waitFor } from '@orca/tooling-testbed';
import { docker, letBeReady, Orca, patienceMs } from './orca.ts';

const service = (name: string, env: string, more = ''): string => `[[service]]
name = "${name}"
image = "orca-test/app:1"
port = 8080
${more}
[service.deploy]
min_healthy_secs = 0
drain_secs = 1
[service.readiness]
path = "/cgi-bin/ready"
[service.env]
${env}
`;
const never = 'READY_AFTER = "3600"';

describe('what was deployed is kept true', () => {
  let orca: Orca;
  const state = (name: string): Promise<string> =>
    docker('inspect', '--format', '{{.Name}} {{.State.Status}} {{.HostConfig.RestartPolicy.Name}}', name).catch(
      () => 'absent',
    );
  const becomes = (name: string, wanted: string): Promise<true> =>
    waitFor(async () => (await state(name)) === wanted, { what: `${name} to be "${wanted}"`, timeoutMs: patienceMs });
  const candidate = (): Promise<true> =>
    waitFor(async () => (await state('orca-e2e-other.next')).includes('running'), {
      what: 'the candidate to run',
      timeoutMs: patienceMs,
    });
  const statusOf = async (name: string): Promise<unknown> => {
    const { stdout } = await orca.orca(['status', '--json']);
    const { services }: { services: readonly { name: string }[] } = JSON.parse(stdout);
    return services.find((s) => s.name === name);
  };

  beforeAll(async () => {
    await ensureImages(['orca-test/app:1', 'orca-test/app:2']);
    orca = await Orca.create('e2e-kept');
    orca.write('services/one/service.toml', service('e2e-kept', 'V = "1"', 'domain = "kept.test"'));
    orca.write('services/two/service.toml', service('e2e-other', 'V = "1"'));
    await orca.start();
    expect(await orca.orca(['deploy'])).toMatchObject({ code: 0 });
  });
  afterAll(() => orca.dispose());

  it.each([
    ['stop', ['stop', 'orca-e2e-kept']],
    ['rm', ['rm', '-f', 'orca-e2e-kept']],
    ['pause', ['pause', 'orca-e2e-kept']],
    ['rename', ['rename', 'orca-e2e-kept', 'somebody-e2e']],
    ['restart policy', ['update', '--restart', 'no', 'orca-e2e-kept']],
  ])('20: puts back what somebody does by hand: %s', async (_what, command) => {
    await docker(...command);
    await becomes('orca-e2e-kept', '/orca-e2e-kept running always');
    await waitFor(async () => (await orca.get('kept.test', '/')).status === 200, {
      what: 'the page',
      timeoutMs: patienceMs,
    });
  });

  it('15: leaves files alone that nobody deployed, even when it puts the service back', async () => {
    orca.write('services/one/service.toml', service('e2e-kept', 'V = "half edited"', 'domain = "kept.test"'));
    await docker('rm', '-f', 'orca-e2e-kept');
    await becomes('orca-e2e-kept', '/orca-e2e-kept running always');
    expect(await docker('inspect', '--format', '{{.Config.Env}}', 'orca-e2e-kept')).toContain('V=1');
    expect(await statusOf('e2e-kept')).toMatchObject({ status: 'running', upToDate: false });
    orca.write('services/one/service.toml', service('e2e-kept', 'V = "1"', 'domain = "kept.test"'));
  });

  it('10: a deploy that waits holds up no other', async () => {
    orca.write('services/two/service.toml', service('e2e-other', never));
    const slow = orca.begin(['deploy', 'e2e-other']);
    await candidate();
    orca.write('services/one/service.toml', service('e2e-kept', 'V = "2"', 'domain = "kept.test"'));
    expect(await orca.orca(['deploy', 'e2e-kept'])).toMatchObject({ code: 0 });
    expect(slow.child.exitCode).toBeNull();
    slow.child.kill('SIGINT');
    await slow.ended;
    await becomes('orca-e2e-other.next', 'absent');
  });

  it('9: Ctrl-C calls a deploy off: the one before it goes on, and nothing is left over', async () => {
    const before = await orca.identity('orca-e2e-other');
    const slow = orca.begin(['deploy', 'e2e-other']);
    await candidate();
    slow.child.kill('SIGINT');
    expect(await slow.ended).toMatchObject({ code: 130, stdout: expect.stringContaining('called off') });
    await becomes('orca-e2e-other.next', 'absent');
    expect(await orca.identity('orca-e2e-other')).toBe(before);
    expect(await orca.containers()).toEqual(['orca-e2e-kept', 'orca-e2e-other']);
  });

  it('9: a newer deploy of the same service cuts the older off', async () => {
    const slow = orca.begin(['deploy', 'e2e-other']);
    await candidate();
    orca.write('services/two/service.toml', service('e2e-other', 'V = "3"'));
    expect(await orca.orca(['deploy', 'e2e-other'])).toMatchObject({ code: 0 });
    await slow.ended;
    expect(await docker('inspect', '--format', '{{.Config.Env}}', 'orca-e2e-other')).toContain('V=3');
    expect(await orca.containers()).toEqual(['orca-e2e-kept', 'orca-e2e-other']);
  });

  it('3: a server that is killed in the middle of a deploy finishes it by itself', async () => {
    orca.write('services/two/service.toml', service('e2e-other', 'V = "4"\nREADY_AFTER = "3600"'));
    const cut = orca.begin(['deploy', 'e2e-other']);
    await candidate();
    await orca.end('SIGKILL');
    expect((await cut.ended).code).not.toBe(0);
    await orca.start();
    const isDone = async (): Promise<boolean> => {
      await letBeReady('orca-e2e-other.next');
      return (await state('orca-e2e-other.next')) === 'absent';
    };
    await waitFor(isDone, { what: 'the deploy to be finished', timeoutMs: patienceMs });
    await waitFor(
      async () =>
        (await docker('inspect', '--format', '{{.Config.Env}}', 'orca-e2e-other').catch(() => '')).includes('V=4'),
      {
        what: 'the new revision',
        timeoutMs: patienceMs,
      },
    );
    expect(await statusOf('e2e-other')).toMatchObject({ status: 'running', upToDate: true });
  });

  it('4, 7: without its records it changes nothing, and restarts nothing', async () => {
    const before = await Promise.all(['orca-e2e-kept', 'orca-e2e-other'].map((name) => orca.identity(name)));
    await orca.end('SIGKILL');
    for (const file of ['orca.db', 'orca.db-wal', 'orca.db-shm']) orca.forget(file);
    await orca.start();
    expect((await orca.orca(['deploy'])).stdout).toMatch(/nothing to do.*0 (mutating )?engine calls/);
    expect(await Promise.all(['orca-e2e-kept', 'orca-e2e-other'].map((name) => orca.identity(name)))).toEqual(before);
  });

  it('20, 31: puts back the image that was deployed, not what its tag stands for by now', async () => {
    // No registry is there: what the tag stands for is changed by hand.
    const image = 'localhost:1/e2e-moving:latest';
    await docker('tag', 'orca-test/app:1', image);
    orca.write('services/three/service.toml', service('e2e-moving', 'V = "1"').replace('orca-test/app:1', image));
    expect(await orca.orca(['deploy', 'e2e-moving'])).toMatchObject({ code: 0 });
    const ran = await docker('inspect', '--format', '{{.Image}}', 'orca-e2e-moving');
    await docker('tag', 'orca-test/app:2', image);
    await docker('rm', '-f', 'orca-e2e-moving');
    await becomes('orca-e2e-moving', '/orca-e2e-moving running always');
    expect(await docker('inspect', '--format', '{{.Image}}', 'orca-e2e-moving')).toBe(ran);
    await docker('rmi', image);
  });

  it('20: remembers what was stopped by request, and does not start it', async () => {
    expect(await orca.orca(['stop', 'e2e-other'])).toMatchObject({ code: 0 });
    await orca.end('SIGKILL');
    await orca.start();
    await docker('rm', '-f', 'orca-e2e-kept');
    await becomes('orca-e2e-kept', '/orca-e2e-kept running always');
    expect(await state('orca-e2e-other')).toContain('exited');
  });
});
