import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ensureImages } from '@orca/tooling-testbed';
import { docker, Orca } from './orca.ts';

const service = (name: string, more: string, image = 'orca-test/app:1'): string =>
  `[[service]]\nname = "${name}"\nimage = "${image}"\n${more}\n`;
const web = (env: string, image?: string): string =>
  service(
    'e2e-web',
    `domain = "web.test"\nport = 8080\n[service.deploy]\nmin_healthy_secs = 1\ndrain_secs = 5\n[service.env]\n${env}\n[service.liveness]\npath = "/"\ninitial_delay_secs = 0`,
    image,
  );

describe('orca, from service.toml to a served page', () => {
  let orca: Orca;
  beforeAll(async () => {
    await ensureImages(['orca-test/app:1', 'orca-test/app:2']);
    orca = await Orca.create('e2e-skeleton');
    orca.write('services/site/service.toml', web('GREETING = "hello"'));
    await orca.start();
  });
  afterAll(() => orca.dispose());

  it('deploys and serves, and says what changed', async () => {
    const deployed = await orca.orca(['deploy']);
    expect(deployed).toMatchObject({ code: 0 });
    expect(deployed.stdout).toContain('1 created');
    const page = await orca.get('web.test', '/');
    expect(page.status).toBe(200);
    expect(page.body).toContain('version 1');
    expect(await orca.containers()).toEqual(['orca-e2e-web']);
  });

  it('does nothing the second time, and says so: 0 mutating engine calls', async () => {
    const before = await orca.identity('orca-e2e-web');
    const again = await orca.orca(['deploy']);
    expect(again.code).toBe(0);
    expect(again.stdout).toMatch(/nothing to do.*0 (mutating )?engine calls/);
    expect(await orca.identity('orca-e2e-web')).toBe(before);
  });

  it('tells the status for people and for programs', async () => {
    const status = await orca.orca(['status']);
    expect(status.code).toBe(0);
    expect(status.stdout).toMatch(/e2e-web\s.*running/);
    const json: unknown = JSON.parse((await orca.orca(['status', '--json'])).stdout);
    expect(json).toMatchObject({
      cluster: 'e2e-skeleton',
      services: [{ name: 'e2e-web', status: 'running', upToDate: true, runningReplicas: 1 }],
    });
  });

  it('leaves every container running when the server ends by Ctrl-C or kill -9, and adopts it again', async () => {
    const before = await orca.identity('orca-e2e-web');
    for (const signal of ['SIGINT', 'SIGKILL'] as const) {
      await orca.end(signal);
      expect(await orca.identity('orca-e2e-web')).toBe(before);
      await orca.start();
      expect((await orca.get('web.test', '/')).status).toBe(200);
      const again = await orca.orca(['deploy']);
      expect(again.stdout).toMatch(/0 (mutating )?engine calls/);
      expect(await orca.identity('orca-e2e-web')).toBe(before);
    }
  });

  it('replaces a changed service without losing a request', async () => {
    orca.write('services/site/service.toml', web('GREETING = "changed"', 'orca-test/app:2'));
    let isOver = false;
    const failures: number[] = [];
    let requests = 0;
    const load = (async () => {
      while (!isOver && requests < 2000) {
        const { status } = await orca.get('web.test', '/').catch(() => ({ status: 0 }));
        requests += 1;
        if (status !== 200) failures.push(status);
        await new Promise((done) => setTimeout(done, 10));
      }
    })();
    const deployed = await orca.orca(['deploy']);
    isOver = true;
    await load;
    expect(deployed).toMatchObject({ code: 0 });
    expect(deployed.stdout).toContain('1 recreated');
    expect(failures).toEqual([]);
    expect(requests).toBeGreaterThan(20);
    expect((await orca.get('web.test', '/')).body).toContain('version 2');
    expect(await orca.containers()).toEqual(['orca-e2e-web']);
  });

  it('keeps the old one serving when the new one fails, exits with 1, and shows why with its last lines', async () => {
    const before = await orca.identity('orca-e2e-web');
    orca.write('services/site/service.toml', web('FAIL_START = "1"', 'orca-test/app:2'));
    const deployed = await orca.orca(['deploy']);
    expect(deployed.code).toBe(1);
    expect(deployed.stdout + deployed.stderr).toMatch(/exited with code 1/);
    expect(deployed.stdout + deployed.stderr).toContain('FAIL_START');
    expect(await orca.identity('orca-e2e-web')).toBe(before);
    expect((await orca.get('web.test', '/')).status).toBe(200);
    const status: unknown = JSON.parse((await orca.orca(['status', '--json'])).stdout);
    expect(status).toMatchObject({ services: [{ status: 'rolled_back', upToDate: false }] });
    orca.write('services/site/service.toml', web('GREETING = "changed"', 'orca-test/app:2'));
    expect(await orca.orca(['deploy'])).toMatchObject({ code: 0 });
    expect(await orca.identity('orca-e2e-web')).toBe(before);
    expect(await orca.containers()).toEqual(['orca-e2e-web']);
  });

  it('shows logs, and follows them', async () => {
    const logs = await orca.orca(['logs', 'e2e-web', '--tail', '5']);
    expect(logs.code).toBe(0);
    expect(logs.stdout).toContain('app version 2 on');
    expect((await orca.orca(['logs', 'nobody'])).code).toBe(1);
  });

  it('stops and remembers it, and starts again by name', async () => {
    expect(await orca.orca(['stop', 'e2e-web'])).toMatchObject({ code: 0 });
    expect((await orca.get('web.test', '/')).status).not.toBe(200);
    expect((await orca.orca(['deploy'])).code).toBe(0);
    expect((await orca.orca(['status'])).stdout).toMatch(/e2e-web\s.*stopped/);
    expect(await orca.orca(['deploy', 'e2e-web'])).toMatchObject({ code: 0 });
    expect((await orca.get('web.test', '/')).status).toBe(200);
  });

  it('16: removes what is gone from the files, and keeps its volume', async () => {
    orca.write(
      'services/extra/service.toml',
      service('e2e-extra', 'port = 8080\n[[service.volumes]]\nsource = "e2e-extra-data"\ntarget = "/data"'),
    );
    expect(await orca.orca(['deploy'])).toMatchObject({ code: 0 });
    orca.delete('services/extra');
    const removed = await orca.orca(['deploy']);
    expect(removed).toMatchObject({ code: 0 });
    expect(removed.stdout).toContain('1 removed');
    expect(await orca.containers()).toEqual(['orca-e2e-web']);
    expect(await docker('volume', 'ls', '-q', '--filter', 'name=e2e-extra-data')).toBe('e2e-extra-data');
  });

  it('17: removes nothing when all service files are gone', async () => {
    const file = orca.read('services/site/service.toml');
    orca.delete('services/site');
    const refused = await orca.orca(['deploy']);
    expect(refused.code).toBe(1);
    expect(await orca.containers()).toEqual(['orca-e2e-web']);
    orca.write('services/site/service.toml', file);
  });
});
