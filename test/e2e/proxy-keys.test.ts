import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ensureImages, waitFor } from '@orca/tooling-testbed';
import { docker, Orca, patienceMs } from './orca.ts';

const text = (name: string, lines: readonly string[]): string =>
  ['[[service]]', `name = "${name}"`, 'image = "orca-test/app:1"', 'port = 8080', ...lines, ''].join('\n');
const one = (...proxy: readonly string[]): string =>
  text('e2e-keys', [
    'domain = "keys.test"',
    '[service.deploy]',
    'drain_secs = 1',
    '[service.proxy]',
    'hold_secs = 240',
    ...proxy,
  ]);
const two = (domain: string): string => text('e2e-other-keys', [`domain = "${domain}"`]);

describe('keys of the proxy, in the files of a real cluster', () => {
  let orca: Orca;
  const post = (bytes: number): Promise<{ readonly status: number }> =>
    orca.get('keys.test', '/cgi-bin/echo', { method: 'POST', headers: { 'content-length': String(bytes) } });
  const deploy = (...names: readonly string[]): Promise<{ readonly code: number | null; readonly stdout: string }> =>
    orca.orca(['deploy', ...names]);

  beforeAll(async () => {
    await ensureImages(['orca-test/app:1']);
    orca = await Orca.create('e2e-keys');
    orca.write(
      'cluster.toml',
      `${orca.read('cluster.toml')}workers = 1\ntrusted_proxies = ["127.0.0.0/8"]\nvia_name = "edge"\n`,
    );
    orca.write('services/keys/service.toml', one());
    orca.write('services/other/service.toml', two('other.test'));
    await orca.start();
    expect(await deploy()).toMatchObject({ code: 0 });
  });
  afterAll(() => orca.dispose());

  it('P42: a limit that is added counts at once, and nothing is restarted for it', async () => {
    const before = await orca.identity('orca-e2e-keys');
    orca.write('services/keys/service.toml', one('max_body = 1000', 'sticky = true'));
    expect(await deploy()).toMatchObject({ code: 0, stdout: expect.stringContaining('rerouted') });
    expect(await post(2000)).toMatchObject({ status: 413 });
    expect((await orca.get('keys.test', '/')).headers['set-cookie']).toEqual([
      expect.stringMatching(/^orca_sticky=[\w-]{22}; Path=\/; HttpOnly; SameSite=Lax$/),
    ]);
    expect(await orca.identity('orca-e2e-keys')).toBe(before);
    expect((await deploy()).stdout).toContain('nothing to do');
  });

  it('P29, P30, P69: whom cluster.toml trusts is believed, by the service and in the access log', async () => {
    const headers = { 'x-forwarded-for': '203.0.113.9' };
    const { body } = await orca.get('keys.test', '/cgi-bin/headers?token=geheim', { headers });
    expect(body).toMatch(/203\.0\.113\.9, 127\.0\.0\.1/);
    expect(body).toMatch(/1\.1 edge/);
    const path = join(orca.home, 'access.log');
    const line = (): string | undefined =>
      existsSync(path)
        ? readFileSync(path, 'utf8')
            .split('\n')
            .find((found) => found.includes('/cgi-bin/headers'))
        : undefined;
    await waitFor(async () => line() !== undefined, { what: 'the access log', timeoutMs: patienceMs });
    expect(JSON.parse(line() ?? '{}')).toMatchObject({ client: '203.0.113.9', service: 'e2e-keys', status: 200 });
    expect(line()).not.toContain('geheim');
  });

  it('P52: requests wait while the only instance is down, and get their answer', async () => {
    await docker('stop', '-t', '1', 'orca-e2e-keys');
    expect(await orca.get('keys.test', '/version')).toMatchObject({ status: 200 });
  });

  it('P16, P52: a stopped service says so, and an unknown host says nothing', async () => {
    expect(await orca.orca(['stop', 'e2e-keys'])).toMatchObject({ code: 0 });
    expect(await orca.get('keys.test', '/')).toMatchObject({
      status: 503,
      body: 'The service was stopped by its operator\n',
    });
    expect(await orca.get('nobody.test', '/')).toMatchObject({ status: 404, body: 'Nothing is served here\n' });
    expect(await deploy('e2e-keys')).toMatchObject({ code: 0 });
    expect(await orca.get('keys.test', '/')).toMatchObject({ status: 200 });
  });

  it('P18: a host is not taken from a service that keeps it', async () => {
    orca.write('services/keys/service.toml', one().replace('keys.test', 'moved.test'));
    orca.write('services/other/service.toml', two('keys.test'));
    const refused = await deploy('e2e-other-keys');
    expect(refused.code).toBe(1);
    expect(refused.stdout).toMatch(/keys\.test\/ is asked for by e2e-other-keys .*service\.toml:1:1.*, and e2e-keys/);
    expect(await deploy()).toMatchObject({ code: 0 });
    expect(await orca.get('keys.test', '/')).toMatchObject({ status: 200 });
    expect(await orca.get('moved.test', '/')).toMatchObject({ status: 200 });
    expect(await orca.get('other.test', '/')).toMatchObject({ status: 404 });
  });
});
