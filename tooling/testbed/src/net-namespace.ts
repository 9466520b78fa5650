import { readFile } from 'node:fs/promises';
import { mustRun, run } from './command.ts';

/** A network of its own on this machine: own loopback, interfaces, routes and firewall. */
export interface NetNamespace extends AsyncDisposable {
  readonly name: string;
  /** The command that runs `argv` inside. It becomes `argv` in place: same process, same pid. */
  command(argv: readonly string[]): readonly [string, ...string[]];
  /** Everything that runs inside now. */
  pids(): Promise<readonly number[]>;
}

/** Needs root, and `ip` of iproute2. Disposing kills what still runs inside, and removes it. */
export async function createNetNamespace(name: string): Promise<NetNamespace> {
  await mustRun('ip', ['netns', 'add', name]);
  // Not `ip netns exec`: it mounts /sys anew, which hides the cgroups from an engine.
  const command = (argv: readonly string[]): readonly [string, ...string[]] => [
    'nsenter',
    `--net=/run/netns/${name}`,
    ...argv,
  ];
  const pids = async (): Promise<readonly number[]> =>
    (await mustRun('ip', ['netns', 'pids', name]))
      .split('\n')
      .filter((line) => line !== '')
      .map(Number);
  const dispose = async (): Promise<void> => {
    for (const pid of await pids()) await killTree(pid);
    await run('ip', ['netns', 'del', name]);
  };
  const [program, ...args] = command(['ip', 'link', 'set', 'lo', 'up']);
  await mustRun(program, args);
  return { name, command, pids, [Symbol.asyncDispose]: dispose };
}

/** A container has a network of its own, so its first process is only found as a child of its shim. */
async function killTree(pid: number): Promise<void> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  for (const child of children.split(' ').filter((text) => text !== '')) await killTree(Number(child));
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself meanwhile.
  }
}
