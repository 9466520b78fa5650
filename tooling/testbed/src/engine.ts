import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { installPackages, isDebian, isRoot, missingPackages } from './apt.ts';
import { mustRun } from './command.ts';
import { createDocker, currentHost, defaultHost, engineVersion } from './docker.ts';
import { machinePlace, startDockerd, stopRememberedDockerd } from './dockerd.ts';
import type { DockerdPlace } from './dockerd.ts';
import { TestbedError } from './errors.ts';
import type { Log } from './log.ts';
import { silent } from './log.ts';
import { identify } from './processes.ts';
import { defaultHome, withLock } from './state.ts';
import { waitFor } from './temp.ts';

export interface EngineOptions {
  readonly log?: Log;
  /** Where to remember what was started. Default: this user's cache directory. */
  readonly home?: string;
  /** Start here instead of as the machine's own engine; for tests of the start itself. */
  readonly place?: DockerdPlace;
}

export interface Engine {
  /** Its socket, as for `DOCKER_HOST`. */
  readonly socket: string;
  readonly version: string;
  /** Whether this call started it. */
  readonly started: boolean;
  /** Stops what this call started; nothing otherwise. Waits for its end. */
  stop(): Promise<void>;
}

/**
 * Uses the engine that runs; else, as root on Debian, installs it where missing and starts it;
 * else throws an error that says what to do. Safe to call from several processes at once.
 */
export async function ensureEngine(options: EngineOptions = {}): Promise<Engine> {
  const { log = silent, home = defaultHome(), place } = options;
  const host = place?.host ?? currentHost();
  const running = await answering(host);
  if (running !== undefined) return running;
  if (place === undefined && host !== defaultHost) {
    throw unavailable(`DOCKER_HOST is ${host}, which does not answer (try: start that engine, or unset DOCKER_HOST).`);
  }
  return withLock(home, 'engine', async () => {
    // Another process may have started it while this one waited.
    const since = await answering(host);
    if (since !== undefined) return since;
    await installEngine(log);
    return (await answering(host)) ?? (await start(place ?? machinePlace, home, log));
  });
}

/** Stops the engine that an earlier run started from `home` and left running. Returns whether there was one. */
export async function stopEngine(home: string = defaultHome()): Promise<boolean> {
  return stopRememberedDockerd(home);
}

async function answering(host: string): Promise<Engine | undefined> {
  // Without the command line nothing was installed yet, and `docker` would say so slowly.
  const version = await engineVersion(createDocker(host));
  return version === undefined ? undefined : { socket: host, version, started: false, stop: async () => {} };
}

async function installEngine(log: Log): Promise<void> {
  if (existsSync('/usr/sbin/dockerd') || existsSync('/usr/bin/dockerd')) {
    if (isRoot()) return;
    throw unavailable(
      'Docker is installed but does not answer (try: sudo systemctl start docker, or run this as root).',
    );
  }
  if (!isRoot() || !(await isDebian())) {
    throw unavailable(
      'No Docker engine answers, and only root on Debian can install one from here. Install Docker Engine, start it, make `docker version` work for this user, and run this again.',
    );
  }
  await installPackages(['docker.io', 'iptables'], log);
}

async function start(place: DockerdPlace, home: string, log: Log): Promise<Engine> {
  if (place === machinePlace && existsSync('/run/systemd/system')) return startUnit(log);
  if ((await missingPackages(['iptables'])).length > 0 && !existsSync('/usr/sbin/iptables')) {
    await installPackages(['iptables'], log);
  }
  const other = await owner(place);
  if (other !== undefined) return awaitOther(place, other);
  log('starting dockerd');
  await startDockerd(place, home);
  return {
    ...(await mustAnswer(place.host)),
    started: true,
    stop: async () => void (await stopRememberedDockerd(home)),
  };
}

/** Where systemd runs the machine, the engine is its unit: starting a second one beside it would fight over the socket. */
async function startUnit(log: Log): Promise<Engine> {
  log('starting docker.service');
  await mustRun('systemctl', ['start', 'docker.service']);
  return { ...(await mustAnswer(machinePlace.host)), started: true, stop: stopUnit };
}

async function stopUnit(): Promise<void> {
  await mustRun('systemctl', ['stop', 'docker.socket', 'docker.service']);
}

async function owner(place: DockerdPlace): Promise<number | undefined> {
  const pid = Number(await readFile(place.pidFile, 'utf8').catch(() => ''));
  return pid > 0 && (await identify(pid))?.name === 'dockerd' ? pid : undefined;
}

async function awaitOther(place: DockerdPlace, pid: number): Promise<Engine> {
  try {
    return await waitFor(() => answering(place.host), { what: 'dockerd', timeoutMs: 180_000, everyMs: 250 });
  } catch (error) {
    throw unavailable(`dockerd runs as process ${pid} but does not answer on ${place.host}; look at its log.`, error);
  }
}

async function mustAnswer(host: string): Promise<Engine> {
  const engine = await answering(host);
  if (engine === undefined) throw unavailable(`the engine was started but does not answer on ${host}.`);
  return engine;
}

function unavailable(message: string, cause?: unknown): TestbedError {
  return new TestbedError('ORCA_TESTBED_ENGINE_UNAVAILABLE', message, cause);
}
