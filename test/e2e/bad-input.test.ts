import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createServer } from 'node:net';
import { mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureImages } from '@orca/tooling-testbed';
import { Orca } from './orca.ts';

const good = '[[service]]\nname = "e2e-good"\nimage = "orca-test/app:1"\nport = 8080\ndomain = "good.test"\n';

describe('bad input gets a clear error and changes nothing', () => {
  let orca: Orca;
  let before: string;
  beforeAll(async () => {
    await ensureImages(['orca-test/app:1']);
    orca = await Orca.create('e2e-bad');
    orca.write('services/good/service.toml', good);
    await orca.start();
    expect(await orca.orca(['deploy'])).toMatchObject({ code: 0 });
    before = await orca.identity('orca-e2e-good');
  });
  afterAll(() => orca.dispose());
  beforeEach(() => orca.write('services/good/service.toml', good));

  const cases: readonly { readonly what: string; readonly text: string; readonly says: readonly RegExp[] }[] = [
    { what: 'an unparsable file', text: '[[service]\nname = "x"\n', says: [/services\/bad\/service\.toml:1:\d+/] },
    {
      what: 'an unknown key',
      text: '[[service]]\nname = "bad-key"\nimage = "orca-test/app:1"\ndepend_on = ["e2e-good"]\n',
      says: [/services\/bad\/service\.toml:4:1/, /depend_on/, /did you mean "?depends_on/],
    },
    {
      what: 'a missing secret',
      text: '[[service]]\nname = "one"\nimage = "orca-test/app:1"\n[service.env]\nA = "${secrets.NOT_SET}"\n[[service]]\nname = "two"\nimage = "orca-test/app:1"\n[service.env]\nB = "x${secrets.NOT_SET}"\n',
      says: [/one.*NOT_SET/, /two.*NOT_SET/, /orca secrets set NOT_SET/],
    },
    {
      what: 'a cycle',
      text: '[[service]]\nname = "one"\nimage = "orca-test/app:1"\ndepends_on = ["two"]\n[[service]]\nname = "two"\nimage = "orca-test/app:1"\ndepends_on = ["one"]\n',
      says: [/one -> two -> one/],
    },
    {
      what: 'an escaping mount',
      text: '[[service]]\nname = "one"\nimage = "orca-test/app:1"\n[[service.mounts]]\nsource = "./../../etc"\ntarget = "/x"\n',
      says: [/services\/bad\/service\.toml:\d+:\d+/, /infra root/],
    },
    {
      what: 'an unlisted absolute mount',
      text: '[[service]]\nname = "one"\nimage = "orca-test/app:1"\n[[service.mounts]]\nsource = "/srv/data"\ntarget = "/x"\n',
      says: [/allow_mounts/],
    },
    {
      what: 'the engine socket as a mount',
      text: '[[service]]\nname = "one"\nimage = "orca-test/app:1"\n[[service.mounts]]\nsource = "/var/run/docker.sock"\ntarget = "/x"\n',
      says: [/docker\.sock/],
    },
    {
      what: 'a duplicate service name',
      text: '[[service]]\nname = "e2e-good"\nimage = "orca-test/app:1"\n',
      says: [/e2e-good/, /services\/good\/service\.toml/],
    },
    {
      what: 'a duplicate domain',
      text: '[[service]]\nname = "one"\nimage = "orca-test/app:1"\nport = 80\ndomain = "GOOD.test"\n',
      says: [/good\.test/, /e2e-good/],
    },
    {
      what: 'a memory limit with a typo',
      text: '[[service]]\nname = "one"\nimage = "orca-test/app:1"\n[service.resources]\nmemory = "4gg"\n',
      says: [/memory/],
    },
  ];
  for (const { what, text, says } of cases) {
    it(what, async () => {
      orca.write('services/bad/service.toml', text);
      const refused = await orca.orca(['deploy']);
      orca.delete('services/bad');
      expect(refused.code).toBe(1);
      for (const pattern of says) expect(refused.stdout + refused.stderr).toMatch(pattern);
      expect(await orca.containers()).toEqual(['orca-e2e-good']);
      expect(await orca.identity('orca-e2e-good')).toBe(before);
    });
  }

  it('a mount that escapes through a symbolic link', async () => {
    const outside = mkdtempSync(join(tmpdir(), 'orca-outside-'));
    orca.write(
      'services/bad/service.toml',
      '[[service]]\nname = "one"\nimage = "orca-test/app:1"\n[[service.mounts]]\nsource = "./services/bad/link"\ntarget = "/x"\n',
    );
    symlinkSync(outside, join(orca.root, 'services/bad/link'));
    const refused = await orca.orca(['deploy']);
    orca.delete('services/bad');
    expect(refused.code).toBe(1);
    expect(refused.stdout + refused.stderr).toMatch(/link/);
    expect(await orca.containers()).toEqual(['orca-e2e-good']);
  });

  it('a host port that something else uses', async () => {
    const taken = createServer();
    await new Promise<void>((done) => taken.listen(0, '0.0.0.0', done));
    const address = taken.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    orca.write(
      'services/bad/service.toml',
      `[[service]]\nname = "e2e-port"\nimage = "orca-test/app:1"\nextra_ports = ["${port}:8080"]\n`,
    );
    const refused = await orca.orca(['deploy']);
    taken.close();
    orca.delete('services/bad');
    expect(refused.code).toBe(1);
    expect(refused.stdout + refused.stderr).toMatch(new RegExp(`${port}`));
    expect(await orca.identity('orca-e2e-good')).toBe(before);
    expect(await orca.orca(['deploy'])).toMatchObject({ code: 0 });
    expect(await orca.containers()).toEqual(['orca-e2e-good']);
  });

  it('a wrong token, and none', async () => {
    const wrong = await orca.orca(['deploy'], { env: { ORCA_TOKEN: '0'.repeat(64) } });
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toMatch(/token/);
    const answer = await fetch(`http://127.0.0.1:${orca.apiPort}/api/v1/status`);
    expect(answer.status).toBe(401);
  });

  it('no server', async () => {
    const lost = await orca.orca(['status'], { env: { ORCA_API: 'http://127.0.0.1:9' } });
    expect(lost.code).toBe(1);
    expect(lost.stderr).toMatch(/orca server/);
  });

  it('a wrong place: says where it looked', async () => {
    const elsewhere = mkdtempSync(join(tmpdir(), 'orca-nowhere-'));
    const lost = await orca.orca(['secrets', 'list'], { cwd: elsewhere });
    expect(lost.code).not.toBe(0);
    expect(lost.stderr).toContain(elsewhere);
    writeFileSync(join(elsewhere, 'cluster.toml'), '');
    const other = await orca.orca(['deploy'], { cwd: elsewhere });
    expect(other.code).toBe(1);
    expect(other.stdout + other.stderr).toContain(orca.root);
  });

  it('a second server with the same state', async () => {
    const second = await orca.orca(['server']);
    expect(second.code).toBe(1);
    expect(second.stderr).toMatch(/already runs/);
  });

  it('an engine that does not run', async () => {
    const other = await Orca.create('e2e-noengine');
    other.write('services/good/service.toml', good);
    process.env['DOCKER_HOST'] = 'unix:///nowhere/docker.sock';
    try {
      await other.start();
      const refused = await other.orca(['deploy']);
      expect(refused.code).toBe(1);
      expect(refused.stdout + refused.stderr).toMatch(/nowhere\/docker\.sock/);
    } finally {
      delete process.env['DOCKER_HOST'];
      await other.dispose();
    }
  });
});
