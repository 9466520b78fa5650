import { spawn } from 'node:child_process';
import { QuickstartError } from './errors.ts';
import { paths } from './place.ts';
import type { Ports } from './place.ts';

/** What points the command at the quickstart's own server, files and state. */
export function orcaEnv(ports: Ports): Readonly<Record<string, string>> {
  return { ORCA_HOME: paths.home, ORCA_DIR: paths.infra, ORCA_API: `http://127.0.0.1:${ports.api}` };
}

export interface OrcaOptions {
  readonly ports: Ports;
  readonly input?: string;
  /** Keep the output instead of showing it. */
  readonly capture?: boolean;
}

/** Runs one orca command as a user would. Returns its output where captured; throws when it fails. */
export function orca(args: readonly string[], { ports, input, capture = false }: OrcaOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [paths.cli, ...args], {
      cwd: paths.infra,
      env: { ...process.env, ...orcaEnv(ports) },
      stdio: ['pipe', capture ? 'pipe' : 'inherit', 'inherit'],
    });
    let output = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (output += text));
    // A command that ends without reading its input is no fault of the caller.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input ?? '');
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(output);
      else reject(new QuickstartError('ORCA_QUICKSTART_COMMAND', `orca ${args.join(' ')} ended with code ${code}`));
    });
  });
}
