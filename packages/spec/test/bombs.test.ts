import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from '@jest/globals';
import { loadInfra } from '@orca/spec/files';
import { createParseThread } from '../src/parse-thread.ts';
import { linesOf, named, web } from './reading.ts';

const root = mkdtempSync(join(tmpdir(), 'orca-bombs-'));
mkdirSync(join(root, 'services/bomb'), { recursive: true });
mkdirSync(join(root, 'services/good'));
writeFileSync(join(root, 'services/good/service.toml'), named('good'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const write = (text: string): void => writeFileSync(join(root, 'services/bomb/service.toml'), text);

// What a hostile or broken commit may hold. Each has to be refused in time, while the event loop goes on.
const bombs: readonly (readonly [string, string, RegExp])[] = [
  ['six bytes that hang other parsers', 'a=[1 #', /service.toml:1:\d+: not valid TOML/],
  ['an array that is never closed after 20,000 comments', `a=[${'1,#\n'.repeat(20_000)}`, /bomb\/service.toml:/],
  ['20,000 comments and nothing else', '# x\n'.repeat(20_000), /holds no service/],
  ['arrays 5,000 deep', `a=${'['.repeat(5000)}${']'.repeat(5000)}`, /unknown key "a"|takes longer/],
  ['tables 5,000 deep', `${'a.'.repeat(5000)}b=1`, /unknown key "a"|takes longer/],
  ['arrays half a million deep', `a=${'['.repeat(500_000)}${']'.repeat(500_000)}`, /bomb\/service.toml:/],
  ['a string of 20 MB', web('[service.env]', `A = "${'x'.repeat(20_000_000)}"`), /is larger than 1 MiB/],
  ['a key called __proto__', '__proto__ = 1\n', /unknown key "__proto__"/],
  [
    'a table called __proto__',
    '[__proto__]\nimage = "evil:1"\n[[service]]\nname = "web"\n',
    /service\[0\].image: is required/,
  ],
  [
    'a service with its own __proto__',
    '[[service]]\nname = "web"\n[service.__proto__]\nimage = "evil:1"\n',
    /service\[0\].image: is required/,
  ],
  ['60,000 unknown keys', web(Array.from({ length: 60_000 }, (_, i) => `k${i}=1`).join('\n')), /bomb\/service.toml:/],
];

describe('a bomb', () => {
  test.each(bombs)('%s is refused within three seconds of work, beside a free event loop', async (_, text, message) => {
    write(text);
    const before = process.cpuUsage();
    const beforeHere = process.threadCpuUsage();
    const parsed = await loadInfra(root);
    const { user, system } = process.cpuUsage(before);
    const here = process.threadCpuUsage(beforeHere);
    expect(parsed.ok).toBe(false);
    expect(linesOf(parsed).join('\n')).toMatch(message);
    // By this process's own clock, with all its threads: on a busy machine even what waits for its turn takes long.
    expect((user + system) / 1000).toBeLessThan(3000);
    // Parsed on this thread, it would take this thread's time; what is seen is a collection or two.
    expect((here.user + here.system) / 1000).toBeLessThan(700);
  });

  test('that takes too long is named, and the next request is served by a new thread', async () => {
    const thread = createParseThread(100);
    const good = { path: 'services/good/service.toml', text: named('good') };
    const slow = { path: 'services/slow/service.toml', text: `a=${'['.repeat(500_000)}${']'.repeat(500_000)}` };
    await thread.parse({ root, cluster: undefined, services: [good] });
    const requests = [[good, slow], [good]].map((services) => thread.parse({ root, cluster: undefined, services }));
    expect((await Promise.all(requests)).map(linesOf)).toEqual([
      ['services/slow/service.toml:1:1: takes longer than 100 ms to read; is it really a config file?'],
      [],
    ]);
  });

  test('that needs more memory than a thread may have is named, and the process goes on', async () => {
    const program = join(import.meta.dirname, 'fixtures/bomb-process.ts');
    const { stdout } = await promisify(execFile)(process.execPath, ['--conditions=@orca/source', program]);
    expect(stdout).toBe('takes more than 512 MB to read; is it really a config file?\n');
  });

  test('is not what was read in time by a process that stood still meanwhile', async () => {
    const thread = createParseThread(100);
    const request = {
      root,
      cluster: undefined,
      services: [{ path: 'services/good/service.toml', text: named('good') }],
    };
    await thread.parse(request);
    const parsing = thread.parse(request);
    await new Promise(setImmediate);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
    expect(linesOf(await parsing)).toEqual([]);
  });

  test('changes no prototype', () => {
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect('image' in {}).toBe(false);
  });
});
