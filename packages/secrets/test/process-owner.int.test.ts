import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ifUnlocked } from '../src/file-lock.ts';

const source = new URL('../src/file-lock.ts', import.meta.url).href;
const node = [process.execPath, '--disable-warning=ExperimentalWarning', '--input-type=module', '-e'] as const;
const enter = ['--pid', '--fork', '--kill-child', ...(process.getuid?.() === 0 ? [] : ['--map-root-user'])];

const holder = (path: string): string => `
  import { withFileLock } from '${source}';
  setInterval(() => {}, 1000);
  await withFileLock('${path}', () => { console.log('held'); return new Promise(() => {}); });`;

const tempDir = (): Disposable & { readonly path: string } => {
  const path = mkdtempSync(join(tmpdir(), 'orca-lock-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
};

/** A program in a pid namespace of its own, once it has said something. */
const inNamespace = async (more: readonly string[], program: string): Promise<AsyncDisposable & { said: string }> => {
  const child = spawn('unshare', [...enter, ...more, ...node, program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [piece] = (await once(child.stdout, 'data')) as [Buffer];
  return {
    said: piece.toString().trim(),
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
};

describe('S6: the lock and pid namespaces', () => {
  test('of a container: its process is not looked for here', async () => {
    using dir = tempDir();
    const path = join(dir.path, 'a.lock');
    await using other = await inNamespace(['--mount-proc'], holder(path));
    expect(other.said).toBe('held');
    expect(await ifUnlocked(path, () => Promise.resolve('taken'))).toBeUndefined();
  });

  test('where /proc is another namespace’s: who lives is not taken for ended, who ended is', async () => {
    using dir = tempDir();
    const path = join(dir.path, 'a.lock');
    const program = `
      import { spawn } from 'node:child_process';
      import { once } from 'node:events';
      import { ifUnlocked } from '${source}';
      const holder = spawn(process.execPath, ${JSON.stringify([...node.slice(1), holder(path)])});
      await once(holder.stdout, 'data');
      const take = () => ifUnlocked('${path}', () => Promise.resolve('taken'));
      const alive = await take();
      const ended = once(holder, 'exit');
      holder.kill('SIGKILL');
      await ended;
      console.log(JSON.stringify([alive ?? 'respected', await take()]));
      setInterval(() => {}, 1000);`;
    await using other = await inNamespace([], program);
    expect(JSON.parse(other.said)).toEqual(['respected', 'taken']);
  });
});
