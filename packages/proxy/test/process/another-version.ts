import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ProxyState } from '@orca/proxy/process';
import { closing } from '../harness.ts';

const source = join(import.meta.dirname, '../../src');
const run = promisify(execFile);

/** What is different in it: of a file, a text and what stands in its place. */
export type Difference = readonly [file: string, from: string, to: string];

export interface AnotherVersion {
  readonly workerEntry: string;
  /** Starts its proxy in a directory, has it serve by a state, and lets go of it. */
  serve(dir: string, state: ProxyState): Promise<{ readonly pid: number; readonly port: number }>;
}

/** The protocol between the processes of a version that is not this one. */
export const otherProtocol: Difference = ['process/protocol.ts', 'protocol = 1', 'protocol = 99'];

/** This package as another version of it might be: its own programs, its own control plane. */
export const anotherVersion = (...differences: readonly Difference[]): AnotherVersion => {
  const root = mkdtempSync(join(tmpdir(), 'orca-version-'));
  closing(() => rmSync(root, { recursive: true }));
  cpSync(source, join(root, 'src'), { recursive: true });
  writeFileSync(join(root, 'package.json'), '{"type":"module"}');
  for (const [file, from, to] of differences) {
    const path = join(root, 'src', file);
    const text = readFileSync(path, 'utf8');
    if (!text.includes(from)) throw new Error(`${file} has no ${from}`);
    writeFileSync(path, text.replaceAll(from, to));
  }
  return {
    workerEntry: join(root, 'src/process/worker-main.ts'),
    serve: async (dir, state) => {
      const program = join(root, 'serve.ts');
      writeFileSync(
        program,
        `import { attachProxy } from './src/process/index.ts';
        const http = { host: '127.0.0.1', port: 0 };
        const log = { info: () => {}, error: () => {} };
        const proxy = await attachProxy({ dir: ${JSON.stringify(dir)}, config: { http, workers: 1 }, log });
        await proxy.replace(${JSON.stringify(state)});
        proxy.detach();
        console.log(JSON.stringify({ pid: proxy.pid, port: proxy.address.port }));`,
      );
      const { stdout } = await run(process.execPath, [program], { timeout: 60_000 });
      const started = JSON.parse(stdout) as { readonly pid: number; readonly port: number };
      closing(() => endIfThere(started.pid));
      return started;
    },
  };
};

const endIfThere = (pid: number): void => {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself, as it should.
  }
};
