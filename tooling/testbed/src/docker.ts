import { mustRun, run } from './command.ts';
import type { RunOptions, RunResult } from './command.ts';

/** The engine's own command line, bound to one engine whatever the user's contexts say. */
export interface Docker {
  /** Such as `unix:///var/run/docker.sock`. */
  readonly host: string;
  run(args: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** Standard output of a command that is expected to succeed. */
  output(args: readonly string[], options?: RunOptions): Promise<string>;
}

export const defaultHost = 'unix:///var/run/docker.sock';

/** The engine that `DOCKER_HOST` names, else the machine's own. */
export function currentHost(): string {
  const named = process.env['DOCKER_HOST'];
  return named === undefined || named === '' ? defaultHost : named;
}

export function createDocker(host: string = currentHost()): Docker {
  const bound = (options: RunOptions = {}): RunOptions => ({
    ...options,
    env: { ...options.env, DOCKER_HOST: host, DOCKER_CONTEXT: undefined },
  });
  return {
    host,
    run: (args, options) => run('docker', args, bound(options)),
    output: (args, options) => mustRun('docker', args, bound(options)),
  };
}

/** The engine's version, or `undefined` when it doesn't answer within `timeoutMs`. */
export async function engineVersion(docker: Docker, timeoutMs = 60_000): Promise<string | undefined> {
  const { code, stdout } = await docker.run(['version', '--format', '{{.Server.Version}}'], { timeoutMs });
  return code === 0 ? stdout.trim() : undefined;
}
