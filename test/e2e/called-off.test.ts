import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ensureImages, waitFor } from '@orca/tooling-testbed';
import { docker, letBeReady, Orca, patienceMs, type Ran } from './orca.ts';

const service = (name: string, env: string, more = ''): string => `[[service]]
name = "${name}"
image = "orca-test/app:1"
port = 8080
${more}
[service.deploy]
min_healthy_secs = 0
healthy_deadline_secs = 600
[service.readiness]
path = "/cgi-bin/ready"
initial_delay_secs = 0
[service.env]
${env}
`;

describe('what was called off, and what is not in the files any more', () => {
  let orca: Orca;
  const env = (name: string): Promise<string> =>
    docker('inspect', '--format', '{{.State.Running}} {{.Config.Env}}', name).catch(() => 'absent');
  const candidate = (what: string): Promise<true> =>
    waitFor(async () => (await env('orca-e2e-off.next')).includes(what), { what, timeoutMs: patienceMs });

  /** What the command waits for becomes ready now. */
  const finished = async (command: { readonly ended: Promise<Ran> }): Promise<Ran> => {
    let isOver = false;
    const ended = command.ended.finally(() => (isOver = true));
    while (!isOver) for (const name of ['orca-e2e-off.next', 'orca-e2e-off']) await letBeReady(name);
    return ended;
  };

  /** It says what it waits for while it does. */
  const waits = (child: ChildProcess, name: string): Promise<void> =>
    new Promise((done, fail) => {
      let said = '';
      child.stdout?.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        if (said.includes(`waits until what is already under way has come to an end: ${name}\n`)) done();
      });
      child.once('exit', (code) => fail(new Error(`ended with ${code}, and had said: ${said}`)));
    });

  beforeAll(async () => {
    await ensureImages(['orca-test/app:1']);
    orca = await Orca.create('e2e-off');
    orca.write('services/one/service.toml', service('e2e-off', 'V = "1"'));
    orca.write('services/two/service.toml', service('e2e-deaf', 'IGNORE_TERM = "1"', 'stop_grace_secs = 12'));
    await orca.start();
    expect(await orca.orca(['deploy'])).toMatchObject({ code: 0 });
  });
  afterAll(() => orca.dispose());

  it('20: Ctrl-C of a stop takes nothing away: the service is kept as before', async () => {
    const id = await docker('inspect', '--format', '{{.Id}}', 'orca-e2e-deaf');
    const stop = orca.begin(['stop', 'e2e-deaf']);
    await waitFor(async () => (await docker('logs', 'orca-e2e-deaf')).includes('asked to stop'), {
      what: 'the request to stop',
      timeoutMs: patienceMs,
    });
    stop.child.kill('SIGINT');
    expect((await stop.ended).code).toBe(130);
    await sleep(13_000);
    await waitFor(async () => (await env('orca-e2e-deaf')).startsWith('true'), {
      what: 'the service to run again',
      timeoutMs: patienceMs,
    });
    expect(await docker('inspect', '--format', '{{.Id}}', 'orca-e2e-deaf')).toBe(id);
    expect((await orca.orca(['status'])).stdout).not.toContain('stopped by request');
  });

  it('9: Ctrl-C of a deploy does not undo a newer one of the same service', async () => {
    orca.write('services/one/service.toml', service('e2e-off', 'V = "2"\nREADY_AFTER = "3600"'));
    const older = orca.begin(['deploy', 'e2e-off']);
    await candidate('V=2');
    orca.write('services/one/service.toml', service('e2e-off', 'V = "3"\nREADY_AFTER = "3600"'));
    const newer = orca.begin(['deploy', 'e2e-off']);
    await candidate('V=3');
    older.child.kill('SIGINT');
    await older.ended;
    expect(await finished(newer)).toMatchObject({ code: 0 });
    expect(await env('orca-e2e-off')).toContain('V=3');
  });

  it('32: Ctrl-C of one who asked for a new instance leaves another one who did with theirs', async () => {
    const before = await orca.identity('orca-e2e-off');
    const older = orca.begin(['redeploy', 'e2e-off']);
    await candidate('V=3');
    const newer = orca.begin(['redeploy', 'e2e-off']);
    await waits(newer.child, 'e2e-off');
    older.child.kill('SIGINT');
    expect((await older.ended).code).toBe(130);
    expect(await finished(newer)).toMatchObject({ code: 0, stdout: expect.stringContaining('1 recreated') });
    expect(await orca.identity('orca-e2e-off')).not.toBe(before);
  });

  it('9: a deploy of what is being made already waits for that, and says so', async () => {
    const older = orca.begin(['redeploy', 'e2e-off']);
    await candidate('V=3');
    const newer = orca.begin(['deploy', 'e2e-off']);
    await waits(newer.child, 'e2e-off');
    expect(await finished(older)).toMatchObject({ code: 0 });
    expect(await newer.ended).toMatchObject({ code: 0 });
  });

  it('9, 20: a deploy that a stop overtook says so, and a deploy of everything says what stays stopped', async () => {
    orca.write('services/one/service.toml', service('e2e-off', 'V = "4"\nREADY_AFTER = "3600"'));
    const deploy = orca.begin(['deploy', 'e2e-off']);
    await candidate('V=4');
    expect(await orca.orca(['stop', 'e2e-off'])).toMatchObject({ code: 0 });
    expect(await deploy.ended).toMatchObject({ code: 1, stdout: expect.stringContaining('a newer deploy or stop') });
    orca.write('services/one/service.toml', service('e2e-off', 'V = "3"\nREADY_AFTER = "3600"'));
    const all = await orca.orca(['deploy']);
    expect(all).toMatchObject({ code: 0, stderr: expect.stringContaining('orca deploy e2e-off') });
    expect(await finished(orca.begin(['deploy', 'e2e-off']))).toMatchObject({ code: 0 });
  });

  it('16: what waits for its dependency and is taken out of the files never starts', async () => {
    const failing = service('e2e-dep', 'FAIL_START = "1"');
    orca.write('services/three/service.toml', failing + service('e2e-ghost', 'V = "1"', 'depends_on = ["e2e-dep"]'));
    expect((await orca.orca(['deploy'])).code).toBe(1);
    orca.write('services/three/service.toml', service('e2e-dep', 'V = "2"'));
    expect(await orca.orca(['deploy'])).toMatchObject({ code: 0 });
    await sleep(1_000);
    expect(await orca.containers()).toEqual(['orca-e2e-deaf', 'orca-e2e-dep', 'orca-e2e-off']);
  });
});
