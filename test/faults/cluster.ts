import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { run, type IsolatedEngine, type RunResult } from '@orca/tooling-testbed';
import { parseStatus, type ServiceState } from './status.ts';

const cli = resolve(import.meta.dirname, '../../apps/cli/dist/main.cjs');
const readyWithinMs = 60_000;
const endWithinMs = 30_000;
const commandWithinMs = 300_000;

export interface ClusterOptions {
  /** Where infra repository and state go; removed by whoever made it. */
  readonly dir: string;
  readonly name: string;
  readonly engine: IsolatedEngine;
  /** What the server takes for its engine: the engine itself, or a proxy before it. */
  readonly dockerHost: string;
  /** Added to the server's environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** An infra repository, a state directory and a real server, inside the engine's network. */
export class Cluster {
  readonly name: string;
  readonly home: string;
  /** Free for sure: nobody else is in this network. */
  readonly apiPort = 7400;
  readonly proxyPort = 7480;
  readonly #o: ClusterOptions;
  readonly #root: string;
  readonly #env: Readonly<Record<string, string>>;
  #server: ChildProcess | undefined;
  #output = '';

  constructor(o: ClusterOptions) {
    this.#o = o;
    this.name = o.name;
    this.#root = join(o.dir, 'infra');
    this.home = join(o.dir, 'home');
    this.#env = {
      ORCA_HOME: this.home,
      ORCA_API: `http://127.0.0.1:${this.apiPort}`,
      DOCKER_HOST: o.dockerHost,
      NO_COLOR: '1',
      ...o.env,
    };
    const ports = `api_port = ${this.apiPort}\nlog_level = "debug"\n[proxy]\nhttp_port = ${this.proxyPort}\n`;
    this.write('cluster.toml', `[cluster]\nname = "${o.name}"\n${ports}`);
    mkdirSync(join(this.#root, 'services'));
  }

  /** A file of the infra repository. */
  write(path: string, text: string): void {
    const file = join(this.#root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }

  delete(path: string): void {
    rmSync(join(this.#root, path), { recursive: true, force: true });
  }

  /** Starts the server; returns the seconds until it said that it is ready. */
  async start(): Promise<number> {
    const begun = performance.now();
    const [program, ...args] = this.#o.engine.command([process.execPath, cli, 'server']);
    const child = spawn(program, args, {
      cwd: this.#root,
      env: { ...process.env, ...this.#env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#server = child;
    this.#output = '';
    await new Promise<void>((done, fail) => {
      const late = setTimeout(() => fail(this.#gaveUp('is not ready')), readyWithinMs);
      const hear = (chunk: Buffer): void => {
        this.#output += chunk.toString();
        if (!this.#output.includes('orca server is ready')) return;
        clearTimeout(late);
        done();
      };
      child.stdout.on('data', hear);
      child.stderr.on('data', hear);
      child.once('error', fail);
      child.once('exit', (code, signal) => {
        clearTimeout(late);
        fail(this.#gaveUp(`ended with ${signal ?? `code ${code}`}`));
      });
    });
    return (performance.now() - begun) / 1000;
  }

  /** Sends the signal, and waits for the end where it is one that ends. */
  async signal(signal: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT'): Promise<void> {
    const child = this.#server;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit', { signal: AbortSignal.timeout(endWithinMs) });
    exited.catch(() => undefined);
    child.kill(signal);
    if (signal === 'SIGKILL' || signal === 'SIGTERM') await exited;
  }

  /** Kill -9 and a new start: seconds from the start to ready. */
  async restart(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<number> {
    await this.signal(signal);
    return this.start();
  }

  /** The command as a user runs it. */
  orca(...args: readonly string[]): Promise<RunResult> {
    const [program, ...argv] = this.#o.engine.command([process.execPath, cli, ...args]);
    return run(program, argv, { cwd: this.#root, env: this.#env, timeoutMs: commandWithinMs });
  }

  /** A command that is expected to succeed; otherwise its output is the error. */
  async mustOrca(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.orca(...args);
    if (code === 0) return stdout;
    throw new Error(`orca ${args.join(' ')} ended with code ${code}:\n${stdout}${stderr}`);
  }

  /** What orca itself says of its services; throws when the server does not answer. */
  async status(): Promise<readonly ServiceState[]> {
    return parseStatus(await this.mustOrca('status', '--json'));
  }

  /** The server's process, for what /proc tells of it. */
  get pid(): number {
    const pid = this.#server?.pid;
    if (pid === undefined) throw new Error('the server was not started');
    return pid;
  }

  /** The end of the server's log, of all its starts. */
  log(lines = 40): string {
    try {
      return readFileSync(join(this.home, 'orca.log'), 'utf8').trim().split('\n').slice(-lines).join('\n');
    } catch {
      return this.#output;
    }
  }

  #gaveUp(how: string): Error {
    return new Error(`orca server ${how}:\n${this.#output}`);
  }
}
