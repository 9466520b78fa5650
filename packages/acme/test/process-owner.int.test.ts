import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import { tempDir } from '@orca/tooling-testbed';
import { createFileLeaser } from '../src/file-leaser.ts';

const source = new URL('../src/file-leaser.ts', import.meta.url).href;
const node = [process.execPath, '--disable-warning=ExperimentalWarning', '--input-type=module', '-e'] as const;
const enter = ['--pid', '--fork', '--kill-child', ...(process.getuid?.() === 0 ? [] : ['--map-root-user'])];

const holder = (dir: string): string => `
  import { createFileLeaser } from '${source}';
  const lease = await createFileLeaser({ dir: '${dir}' }).tryAcquire('x');
  console.log(lease === undefined ? 'refused' : 'held');
  setInterval(() => {}, 1000);`;

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

describe('A20: leases and pid namespaces', () => {
  test('of a container: its process is not looked for here, and only its heartbeat tells that it ended', async () => {
    await using dir = await tempDir();
    let clock = 0;
    const leaser = createFileLeaser({ dir: dir.path, monotonic: () => clock });
    {
      await using other = await inNamespace(['--mount-proc'], holder(dir.path));
      expect(other.said).toBe('held');
      expect(await leaser.tryAcquire('x')).toBeUndefined();
    }
    expect(await leaser.tryAcquire('x')).toBeUndefined();
    clock = 10_001;
    const lease = await leaser.tryAcquire('x');
    expect(lease).toBeDefined();
    await lease?.release();
  });

  test('where /proc is another namespace’s: who lives is not taken for ended, who ended is', async () => {
    await using dir = await tempDir();
    const program = `
      import { spawn } from 'node:child_process';
      import { once } from 'node:events';
      import { createFileLeaser } from '${source}';
      const holder = spawn(process.execPath, ${JSON.stringify([...node.slice(1), holder(dir.path)])});
      await once(holder.stdout, 'data');
      const leaser = createFileLeaser({ dir: '${dir.path}' });
      const alive = await leaser.tryAcquire('x');
      const ended = once(holder, 'exit');
      holder.kill('SIGKILL');
      await ended;
      console.log(JSON.stringify([alive === undefined, (await leaser.tryAcquire('x')) !== undefined]));
      setInterval(() => {}, 1000);`;
    await using other = await inNamespace([], program);
    expect(JSON.parse(other.said)).toEqual([true, true]);
  });
});
