import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lastLines, mustRun, run } from './command.ts';
import { createDocker, currentHost } from './docker.ts';
import type { Docker } from './docker.ts';
import { forgetDead, untilReady } from './dockerd.ts';
import type { DockerdPlace } from './dockerd.ts';
import { TestbedError } from './errors.ts';
import { ensureImages } from './images.ts';
import { createNetNamespace } from './net-namespace.ts';
import type { NetNamespace } from './net-namespace.ts';
import { identify, isAlive } from './processes.ts';
import { tempDir, waitFor } from './temp.ts';

export interface IsolatedEngineOptions {
  /** Sample images to copy from the machine's engine, where they are made if missing. */
  readonly images?: readonly string[];
  /** Containers outlive dockerd. Default: no. */
  readonly liveRestore?: boolean;
}

/** An engine in a network of its own, which a test may kill, starve and restart as it likes. */
export interface IsolatedEngine extends AsyncDisposable {
  readonly docker: Docker;
  readonly socketPath: string;
  /** What must reach containers or their ports runs by this. */
  command(argv: readonly string[]): readonly [string, ...string[]];
  /** Starts dockerd again after `stop` or `kill9`; returns once it answers. */
  start(): Promise<void>;
  /** Ends dockerd as an administrator does; containers end too, unless `liveRestore`. */
  stop(): Promise<void>;
  /** Kills dockerd, and with it its containerd; containers live on. */
  kill9(): Promise<void>;
}

const stopWithinMs = 60_000;
let made = 0;

/** Starts one. Disposing removes its containers, its processes, its namespace and its files, whatever happened. */
export async function isolatedEngine(options: IsolatedEngineOptions = {}): Promise<IsolatedEngine> {
  const { images = [], liveRestore = false } = options;
  await ensureImages(images);
  await using undo = new AsyncDisposableStack();
  const dir = undo.use(await tempDir('orca-engine-'));
  undo.defer(() => unmountBelow(dir.path));
  made += 1;
  const net = undo.use(await createNetNamespace(`orca-${process.pid}-${made}`));
  const engine = new Dockerd(net, dir.path, liveRestore);
  undo.defer(() => engine.clear());
  await engine.start();
  await copyImages(images, engine.docker);
  const kept = undo.move();
  return Object.assign(engine, { [Symbol.asyncDispose]: () => kept.disposeAsync() });
}

class Dockerd {
  readonly docker: Docker;
  readonly socketPath: string;
  readonly #net: NetNamespace;
  readonly #place: DockerdPlace;
  readonly #logPath: string;
  #child: ChildProcess | undefined;

  constructor(net: NetNamespace, dir: string, liveRestore: boolean) {
    this.#net = net;
    this.#logPath = join(dir, 'dockerd.log');
    this.socketPath = join(dir, 'docker.sock');
    const [pidFile, exec] = [join(dir, 'docker.pid'), join(dir, 'exec')];
    const host = `unix://${this.socketPath}`;
    this.#place = {
      host,
      pidFile,
      containerdPidFile: join(exec, 'containerd', 'containerd.pid'),
      args: ['-H', host, '-p', pidFile, '--data-root', join(dir, 'data'), '--exec-root', exec],
    };
    if (liveRestore) this.#place = { ...this.#place, args: [...this.#place.args, '--live-restore'] };
    this.docker = createDocker(host);
  }

  command(argv: readonly string[]): readonly [string, ...string[]] {
    return this.#net.command(argv);
  }

  async start(): Promise<void> {
    await forgetDead(this.#place);
    const log = await open(this.#logPath, 'a');
    const [program, ...args] = this.#net.command(['dockerd', ...this.#place.args]);
    // Detached: a keyboard interrupt must leave it there for the removal of its containers.
    const child = spawn(program, args, { detached: true, stdio: ['ignore', log.fd, log.fd] });
    const ended = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, signal) => resolve(`it ended with ${signal ?? `code ${code}`}`));
    });
    await log.close();
    this.#child = child;
    try {
      await untilReady(this.#place.host, ended);
    } catch (error) {
      const said = lastLines(await readFile(this.#logPath, 'utf8'), 8);
      throw new TestbedError('ORCA_TESTBED_ENGINE_UNAVAILABLE', `dockerd did not start; it says:\n${said}`, error);
    }
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  async kill9(): Promise<void> {
    const containerd = Number(await readFile(this.#place.containerdPidFile, 'utf8').catch(() => ''));
    await this.#end('SIGKILL');
    if (containerd === 0) return;
    // It dies with its parent, but not at once, and a new dockerd would wait for it in vain.
    await waitFor(async () => (await identify(containerd))?.name !== 'containerd', {
      what: `containerd, process ${containerd}, to end with its dockerd`,
      timeoutMs: stopWithinMs,
      everyMs: 10,
    });
  }

  /** Removes what a removal of files and processes would leave behind: the containers' cgroups and mounts. */
  async clear(): Promise<void> {
    if (!this.#isRunning()) await this.start().catch(() => undefined);
    const { stdout } = await this.docker.run(['ps', '-aq']);
    const ids = stdout.split('\n').filter((id) => id !== '');
    if (ids.length > 0) await this.docker.run(['rm', '-f', ...ids], { timeoutMs: stopWithinMs });
    await this.stop().catch(() => this.kill9());
  }

  #isRunning(): boolean {
    const child = this.#child;
    return child?.pid !== undefined && child.exitCode === null && child.signalCode === null && isAlive(child.pid);
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined || !this.#isRunning()) return;
    const exited = once(child, 'exit', { signal: AbortSignal.timeout(stopWithinMs) });
    child.kill(signal);
    await exited;
  }
}

/** No registry is asked: what the machine's engine has is handed over. */
async function copyImages(images: readonly string[], to: Docker): Promise<void> {
  if (images.length === 0) return;
  await mustRun('sh', [
    '-c',
    'set -e; from=$1; to=$2; shift 2; docker -H "$from" save "$@" | docker -H "$to" load',
    'sh',
    currentHost(),
    to.host,
    ...images,
  ]);
}

/** The deepest first; an engine that was killed leaves those of its containers. */
async function unmountBelow(dir: string): Promise<void> {
  const mounts = (await readFile('/proc/self/mounts', 'utf8'))
    .split('\n')
    .flatMap((line) => line.split(' ')[1] ?? [])
    .filter((path) => path.startsWith(`${dir}/`));
  for (const path of mounts.toSorted().toReversed()) await run('umount', ['-l', path]);
}
