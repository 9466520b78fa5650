import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ensureImages } from '@orca/tooling-testbed';
import { docker, Orca } from './orca.ts';

describe("the guide's Keycloak project", () => {
  let orca: Orca;
  beforeAll(async () => {
    await ensureImages(['postgres:16-alpine', 'quay.io/keycloak/keycloak:25.0']);
    orca = await Orca.create('e2e-keycloak');
    const ours = orca.read('cluster.toml');
    orca.copy('keycloak');
    // The example's file, with this test's ports: 80 and 6880 may be taken.
    const cluster = orca.read('cluster.toml');
    const [, apiPort = '', httpPort = ''] = /api_port = (\d+)[\s\S]*http_port = (\d+)/.exec(ours) ?? [];
    orca.write(
      'cluster.toml',
      cluster
        .replace(/^name = .*$/m, `name = "e2e-keycloak"\napi_port = ${apiPort}`)
        .replace(/^http_port = .*$/m, `http_port = ${httpPort}`)
        // Its domain is not ours: no authority is to be asked for it, and nothing is to listen on 443.
        .replace(/^\[acme\]\n(?:[a-z].*\n)*\n?/m, '')
        .replace(/^https_port = .*\n/m, ''),
    );
    await orca.start();
  });
  afterAll(() => orca.dispose());

  it('refuses to deploy before its secrets are set, naming every user of each', async () => {
    const refused = await orca.orca(['deploy']);
    expect(refused.code).toBe(1);
    const said = refused.stdout + refused.stderr;
    for (const name of [
      'KEYCLOAK_DB_USER',
      'KEYCLOAK_DB_PASSWORD',
      'KEYCLOAK_ADMIN_USERNAME',
      'KEYCLOAK_BOOTSTRAP_PASSWORD',
    ]) {
      expect(said).toContain(`orca secrets set ${name}`);
    }
    expect(said).toContain('services/keycloak/service.toml');
    expect(said.match(/secret KEYCLOAK_DB_USER is not set/g)).toHaveLength(2);
    expect(await orca.containers()).toEqual([]);
  });

  it('deploys the database first, the app only when it may, and serves it under its domain', async () => {
    const values = {
      KEYCLOAK_DB_USER: 'keycloak',
      KEYCLOAK_DB_PASSWORD: 'S0me-l0ng-rand0m-string',
      KEYCLOAK_ADMIN_USERNAME: 'admin',
      KEYCLOAK_BOOTSTRAP_PASSWORD: 'an0ther-l0ng-string',
    };
    for (const [name, value] of Object.entries(values)) {
      expect(await orca.orca(['secrets', 'set', name, '-'], { input: `${value}\n` })).toMatchObject({ code: 0 });
    }
    const deployed = await orca.orca(['deploy']);
    expect(deployed).toMatchObject({ code: 0 });
    const dbReady =
      deployed.stdout.indexOf('keycloak-db  await ready') >= 0
        ? deployed.stdout.search(/keycloak-db\s.*commit.*done/)
        : deployed.stdout.search(/keycloak-db\s.*commit.*done/);
    const appStart = deployed.stdout.search(/keycloak\s+.*start.*done/);
    expect(dbReady).toBeGreaterThanOrEqual(0);
    expect(appStart).toBeGreaterThan(dbReady);
    const page = await orca.get('auth.example.com', '/realms/master');
    expect(page.status).toBe(200);
    expect(page.body).toContain('master');
    expect(await orca.containers()).toEqual(['orca-keycloak', 'orca-keycloak-db']);
    for (const value of [values.KEYCLOAK_DB_PASSWORD, values.KEYCLOAK_BOOTSTRAP_PASSWORD]) {
      expect(deployed.stdout + deployed.stderr + orca.output).not.toContain(value);
    }
  });

  it('mounts the theme read-only, and it is served', async () => {
    const mounts = await docker(
      'inspect',
      '--format',
      '{{range .Mounts}}{{.Type}} {{.Destination}} {{.RW}};{{end}}',
      'orca-keycloak',
    );
    expect(mounts).toContain('bind /opt/keycloak/themes/custom-theme false');
    await expect(docker('exec', 'orca-keycloak', 'touch', '/opt/keycloak/themes/custom-theme/x')).rejects.toThrow(
      /[Rr]ead-only/,
    );
  });

  it('resolves a service by its own name and by its container name on the project network', async () => {
    for (const name of ['keycloak-db', 'orca-keycloak-db']) {
      expect(await docker('exec', 'orca-keycloak', 'nslookup', name)).toContain('Address');
    }
  });

  it('keeps the database in its volume, and its data over a change that recreates it', async () => {
    await docker(
      'exec',
      'orca-keycloak-db',
      'psql',
      '-U',
      'keycloak',
      '-d',
      'keycloak',
      '-c',
      'CREATE TABLE kept (n int); INSERT INTO kept VALUES (42)',
    );
    const file = 'services/keycloak/service.toml';
    orca.write(file, orca.read(file).replace('POSTGRES_DB = "keycloak"', 'POSTGRES_DB = "keycloak"\nLC_ALL = "C"'));
    const deployed = await orca.orca(['deploy']);
    expect(deployed).toMatchObject({ code: 0 });
    expect(deployed.stdout).toContain('1 recreated');
    expect(
      await docker(
        'exec',
        'orca-keycloak-db',
        'psql',
        '-U',
        'keycloak',
        '-d',
        'keycloak',
        '-tAc',
        'SELECT n FROM kept',
      ),
    ).toBe('42');
    await docker('exec', 'orca-keycloak-db', 'psql', '-U', 'keycloak', '-d', 'keycloak', '-c', 'SELECT 1');
  });

  it('answers 404 for a host nobody has', async () => {
    expect((await orca.get('other.example.com', '/')).status).toBe(404);
  });
});
