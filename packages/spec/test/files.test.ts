import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { findInfraRoot, loadInfra } from '@orca/spec/files';
import { linesOf, named, valueOf, web } from './reading.ts';

const roots: string[] = [];
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true });
});

function infra(files: Readonly<Record<string, string | Uint8Array>>): string {
  const root = mkdtempSync(join(tmpdir(), 'orca-spec-'));
  roots.push(root);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return root;
}

describe('the infra root', () => {
  test.each(['cluster.toml', 'services.toml', 'services/web/service.toml'])('is found from below by %s', (file) => {
    const root = infra({ [file]: '', 'a/b/c.txt': '' });
    expect(findInfraRoot({ cwd: join(root, 'a/b'), explicit: undefined, env: {} })).toEqual({ root });
  });

  test('is the nearest one', () => {
    const root = infra({ 'cluster.toml': '', 'inner/cluster.toml': '' });
    expect(findInfraRoot({ cwd: join(root, 'inner'), explicit: undefined, env: {} })).toEqual({
      root: join(root, 'inner'),
    });
  });

  test('is the one that is named, before the one in ORCA_DIR, before the search', () => {
    const [one, two, three] = [
      infra({ 'cluster.toml': '' }),
      infra({ 'cluster.toml': '' }),
      infra({ 'cluster.toml': '' }),
    ];
    const env = { ORCA_DIR: two };
    expect(findInfraRoot({ cwd: three, explicit: one, env })).toEqual({ root: one });
    expect(findInfraRoot({ cwd: three, explicit: undefined, env })).toEqual({ root: two });
    expect(findInfraRoot({ cwd: three, explicit: undefined, env: { ORCA_DIR: '' } })).toEqual({ root: three });
  });

  test('when there is none, says where it looked', () => {
    const root = infra({ 'a/x.txt': '' });
    const found = findInfraRoot({ cwd: join(root, 'a'), explicit: undefined, env: {} });
    expect('looked' in found && found.looked.slice(0, 2)).toEqual([join(root, 'a'), root]);
    expect(findInfraRoot({ cwd: '/', explicit: root, env: {} })).toEqual({ looked: [root] });
  });
});

describe('loading an infra root', () => {
  test('reads cluster.toml and every service, in any number of files', async () => {
    const root = infra({
      'cluster.toml': '[cluster]\nname = "test"\n',
      'services/web/service.toml': web(),
      'services/db/service.toml': named('db'),
      'services/db/notes.md': '',
      'services/empty/readme.md': '',
      'services.toml': named('root-one'),
    });
    const loaded = valueOf(await loadInfra(root));
    expect(loaded.cluster.name).toBe('test');
    expect(loaded.desired.services.map(({ name, project }) => `${project}/${name}`)).toEqual([
      'db/db',
      'default/root-one',
      'web/web',
    ]);
  });

  test('tells the faults of cluster.toml and of services together', async () => {
    const root = infra({ 'cluster.toml': 'x = 1', 'services/web/service.toml': web('y = 1') });
    expect(linesOf(await loadInfra(root))).toEqual([
      expect.stringContaining('cluster.toml:1:1: x: unknown key'),
      expect.stringContaining('services/web/service.toml:4:1: service[0].y: unknown key'),
    ]);
  });

  test('does not blame a mount for a cluster.toml that cannot be read', async () => {
    const root = infra({ 'cluster.toml': '[', 'services/web/service.toml': web('mounts = ["/srv/x:/x"]') });
    expect(linesOf(await loadInfra(root))).toEqual([expect.stringContaining('cluster.toml:1:3: not valid TOML')]);
  });

  test('without services/ is an empty cluster with a warning; with an empty services/ an error', async () => {
    const none = infra({ 'cluster.toml': '' });
    expect(linesOf(await loadInfra(none))).toEqual([
      expect.stringMatching(/^warning .*there is no services\/ directory/),
    ]);
    const empty = infra({ 'services/web/x.txt': '' });
    expect(linesOf(await loadInfra(empty))).toEqual([
      expect.stringContaining('services:1:1: has no <name>/service.toml'),
    ]);
  });

  test('refuses what is not UTF-8, not a file, or a link out of the root', async () => {
    const outside = infra({ 'secret.toml': named('stolen') });
    const root = infra({
      'services/a1/service.toml': new Uint8Array([0xff, 0xfe]),
      'services/b1/service.toml/x': '',
      'services/c1/x': '',
    });
    symlinkSync(join(outside, 'secret.toml'), join(root, 'services/c1/service.toml'));
    expect(linesOf(await loadInfra(root))).toEqual([
      'services/a1/service.toml:1:1: is not UTF-8 text',
      'services/b1/service.toml:1:1: is not a regular file',
      'services/c1/service.toml:1:1: is a link that leaves the infra root',
    ]);
  });

  test('stops when it is asked to', async () => {
    const root = infra({ 'services/web/service.toml': web() });
    await expect(loadInfra(root, AbortSignal.abort())).rejects.toThrow('aborted');
  });
});

const withMount = (source: string) => ({ 'services/web/service.toml': web(`mounts = ["${source}:/data:ro"]`) });

describe('mount sources on disk', () => {
  test('must exist inside the root', async () => {
    const root = infra(withMount('./services/web/config'));
    expect(linesOf(await loadInfra(root))).toEqual([
      `services/web/service.toml:1:1: web.mounts[/data]: ${root}/services/web/config does not exist`,
    ]);
    mkdirSync(join(root, 'services/web/config'));
    expect(linesOf(await loadInfra(root))).toEqual([]);
  });

  test('may be links inside the root, but not out of it', async () => {
    const root = infra({ ...withMount('./link'), 'real/x': '' });
    symlinkSync('real', join(root, 'link'));
    expect(linesOf(await loadInfra(root))).toEqual([]);
    rmSync(join(root, 'link'));
    symlinkSync('/etc', join(root, 'link'));
    expect(linesOf(await loadInfra(root))).toEqual([
      expect.stringContaining(`${root}/link is a link to /etc, and /etc gives power`),
    ]);
  });

  test('elsewhere may not be a link out of an allowed directory', async () => {
    const elsewhere = infra({ 'real/x': '' });
    const root = infra({
      ...withMount(`${elsewhere}/link`),
      'cluster.toml': `[security]\nallow_mounts = ["${elsewhere}"]\n`,
    });
    symlinkSync('real', join(elsewhere, 'link'));
    expect(linesOf(await loadInfra(root))).toEqual([]);
    rmSync(join(elsewhere, 'link'));
    symlinkSync('/', join(elsewhere, 'link'));
    expect(linesOf(await loadInfra(root))).toEqual([expect.stringContaining('is a link to /, and / gives power')]);
  });
});

describe('the example', () => {
  test('parses, with warnings only', async () => {
    const root = join(import.meta.dirname, '../../../examples/keycloak');
    const lines = linesOf(await loadInfra(root));
    expect(lines).toHaveLength(1);
    expect(lines).toEqual(lines.map(() => expect.stringMatching(/^warning cluster.toml:.*not supported yet/)));
  });
});
