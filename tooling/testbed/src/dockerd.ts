import { spawn } from 'node:child_process';
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lastLines } from './command.ts';
import { createDocker, engineVersion } from './docker.ts';
import { TestbedError } from './errors.ts';
import { endProcess, identify, isSame } from './processes.ts';
import type { ProcessIdentity } from './processes.ts';
import { waitFor } from './temp.ts';

const readyWithinMs = 180_000;
/** Containers get their own grace period before the engine itself ends. */
const stopGraceMs = 30_000;

/** Where one dockerd keeps what it must not share with another on the machine. */
export interface DockerdPlace {
  readonly host: string;
  readonly pidFile: string;
  readonly containerdPidFile: string;
  readonly args: readonly string[];
}

/** The machine's own engine, with the settings it has by default. */
export const machinePlace: DockerdPlace = {
  host: 'unix:///var/run/docker.sock',
  pidFile: '/var/run/docker.pid',
  containerdPidFile: '/var/run/docker/containerd/containerd.pid',
  args: [],
};

/** An engine that lives wholly in `dir` and leaves the machine's network alone. */
export function privatePlace(dir: string): DockerdPlace {
  const host = `unix://${join(dir, 'docker.sock')}`;
  const pidFile = join(dir, 'docker.pid');
  const exec = join(dir, 'exec');
  const own = ['-H', host, '-p', pidFile, '--data-root', join(dir, 'data'), '--exec-root', exec];
  const args = [...own, '--bridge=none', '--iptables=false'];
  return { host, pidFile, containerdPidFile: join(exec, 'containerd', 'containerd.pid'), args };
}

/** Starts dockerd so that it outlives this process, remembers it in `home`, and returns once it answers. */
export async function startDockerd(place: DockerdPlace, home: string): Promise<void> {
  await forgetDead(place);
  await mkdir(home, { recursive: true, mode: 0o700 });
  const logPath = join(home, 'dockerd.log');
  const log = await open(logPath, 'w');
  const child = spawn('dockerd', place.args, { detached: true, stdio: ['ignore', log.fd, log.fd] });
  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(`it ended with ${signal ?? `code ${code}`}`));
  });
  child.unref();
  await log.close();
  try {
    await untilReady(place.host, exited);
  } catch (error) {
    const said = lastLines(await readFile(logPath, 'utf8'), 8);
    throw new TestbedError(
      'ORCA_TESTBED_ENGINE_UNAVAILABLE',
      `dockerd did not start; ${logPath} says:\n${said}`,
      error,
    );
  }
  const known = child.pid === undefined ? undefined : await identify(child.pid);
  if (known !== undefined) await writeFile(memory(home), JSON.stringify(known));
}

export async function untilReady(host: string, exited: Promise<string>): Promise<void> {
  let ended: string | undefined;
  void exited.then((how) => (ended = how));
  const ready = async (): Promise<boolean> => {
    if (ended !== undefined) throw new TestbedError('ORCA_TESTBED_ENGINE_UNAVAILABLE', ended);
    return (await engineVersion(createDocker(host))) !== undefined;
  };
  await waitFor(ready, { what: 'dockerd to answer', timeoutMs: readyWithinMs, everyMs: 50 });
}

/** The dockerd of `home` that an earlier run started and nobody stopped. */
export async function rememberedDockerd(home: string): Promise<ProcessIdentity | undefined> {
  const text = await readFile(memory(home), 'utf8').catch(() => undefined);
  const known = text === undefined ? undefined : parseIdentity(text);
  return known !== undefined && (await isSame(known)) ? known : undefined;
}

/** Stops the dockerd that was started from `home`, if it still runs. Returns whether there was one. */
export async function stopRememberedDockerd(home: string): Promise<boolean> {
  const known = await rememberedDockerd(home);
  if (known !== undefined) await endProcess(known, stopGraceMs);
  await rm(memory(home), { force: true });
  return known !== undefined;
}

/**
 * After a kill or a crash the files that name the daemons stay. dockerd refuses to start, or waits for a containerd
 * that is gone, when another process has got such a number since.
 */
export async function forgetDead(place: DockerdPlace): Promise<void> {
  const owners = { [place.pidFile]: 'dockerd', [place.containerdPidFile]: 'containerd' };
  for (const [path, name] of Object.entries(owners)) {
    const pid = Number(await readFile(path, 'utf8').catch(() => ''));
    if (pid > 0 && (await identify(pid))?.name !== name) await rm(path, { force: true });
  }
}

function memory(home: string): string {
  return join(home, 'dockerd.json');
}

function parseIdentity(text: string): ProcessIdentity | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || !('pid' in value) || !('startTicks' in value)) return undefined;
    const { pid, startTicks } = value;
    return typeof pid === 'number' && typeof startTicks === 'string' ? { pid, startTicks } : undefined;
  } catch {
    // Half written by a run that was killed: it remembers nothing.
    return undefined;
  }
}
