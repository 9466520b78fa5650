import { spawn, type ChildProcess } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { endOrcaProxy, freePort } from '@orca/tooling-testbed';

/** For what takes seconds: a machine that is busy may take ten times as long, and only what never comes should fail. */
export const patienceMs = 240_000;

const cli = resolve(import.meta.dirname, '../../apps/cli/dist/main.cjs');

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end and keeps what it printed. */
export const run = (
  command: string,
  args: readonly string[],
  options: {
    readonly env?: NodeJS.ProcessEnv;
    readonly cwd?: string;
    readonly input?: string;
    readonly timeoutMs?: number;
  } = {},
): Promise<Ran> =>
  new Promise((done, fail) => {
    const child = spawn(command, args, {
      env: { ...process.env, ...options.env },
      cwd: options.cwd,
      timeout: options.timeoutMs ?? patienceMs,
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.on('error', fail);
    child.on('close', (code) => done({ code, stdout, stderr }));
    // A command that has ended, or never reads, is no failure of the test.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
  });

export const docker = async (...args: readonly string[]): Promise<string> => {
  const { code, stdout, stderr } = await run('docker', args);
  if (code !== 0) throw new Error(`docker ${args.join(' ')}: ${stderr}`);
  return stdout.trim();
};

/** What READY_AFTER holds back is ready from now on; nothing happens where there is no such container yet. */
export const letBeReady = async (container: string): Promise<void> => {
  await run('docker', ['exec', container, 'sh', '-c', 'echo 0 > /tmp/started']);
};

export interface Page {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** One infra repository, one state directory, one server: all its own, all removed at the end. */
export class Orca {
  readonly root: string;
  readonly home: string;
  readonly cluster: string;
  readonly apiPort: number;
  readonly proxyPort: number;
  #server: ChildProcess | undefined;
  #output = '';

  private constructor(base: string, cluster: string, apiPort: number, proxyPort: number) {
    this.root = join(base, 'infra');
    this.home = join(base, 'home');
    this.cluster = cluster;
    this.apiPort = apiPort;
    this.proxyPort = proxyPort;
    mkdirSync(join(this.root, 'services'), { recursive: true });
  }

  /** `cluster` must be unique among the tests: containers are found by it. */
  static async create(cluster: string): Promise<Orca> {
    const base = realpathSync(mkdtempSync(join(tmpdir(), 'orca-e2e-')));
    const orca = new Orca(base, cluster, await freePort(), await freePort());
    orca.write(
      'cluster.toml',
      `[cluster]\nname = "${cluster}"\napi_port = ${orca.apiPort}\n[proxy]\nhttp_port = ${orca.proxyPort}\n`,
    );
    return orca;
  }

  write(path: string, text: string): void {
    const file = join(this.root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }

  /** Removes a file of the server's state. */
  forget(file: string): void {
    rmSync(join(this.home, file), { force: true });
  }

  read(path: string): string {
    return readFileSync(join(this.root, path), 'utf8');
  }

  delete(path: string): void {
    rmSync(join(this.root, path), { recursive: true });
  }

  /** Copies an example's files over the repository. */
  copy(example: string): void {
    cpSync(resolve(import.meta.dirname, '../../examples', example), this.root, { recursive: true });
  }

  /** The command as a user runs it. */
  orca(
    args: readonly string[],
    options: { readonly input?: string; readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
  ): Promise<Ran> {
    return run(process.execPath, [cli, ...args], {
      cwd: options.cwd ?? this.root,
      env: { ORCA_HOME: this.home, ORCA_API: `http://127.0.0.1:${this.apiPort}`, NO_COLOR: '1', ...options.env },
      ...(options.input === undefined ? {} : { input: options.input }),
    });
  }

  /** A call of the API, read to its end; gives the status. */
  post(path: string, body: object): Promise<number> {
    return new Promise((done, fail) => {
      const token = readFileSync(join(this.home, 'cluster.token'), 'utf8').trim();
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
      const req = request(
        { host: '127.0.0.1', port: this.apiPort, path, method: 'POST', headers, agent: false },
        (res) => {
          res.resume();
          res.on('end', () => done(res.statusCode ?? 0));
          res.on('error', fail);
        },
      );
      req.on('error', fail);
      req.end(JSON.stringify(body));
    });
  }

  /** The command as a user begins it, to be interrupted. */
  begin(args: readonly string[]): { readonly child: ChildProcess; readonly ended: Promise<Ran> } {
    const child = spawn(process.execPath, [cli, ...args], {
      cwd: this.root,
      env: { ...process.env, ORCA_HOME: this.home, ORCA_API: `http://127.0.0.1:${this.apiPort}`, NO_COLOR: '1' },
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const ended = new Promise<Ran>((done) => child.once('close', (code) => done({ code, stdout, stderr })));
    return { child, ended };
  }

  async start(options: { readonly env?: NodeJS.ProcessEnv } = {}): Promise<void> {
    this.#output = '';
    const child = spawn(process.execPath, [cli, 'server'], {
      cwd: this.root,
      env: { ...process.env, ORCA_HOME: this.home, NO_COLOR: '1', ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#server = child;
    await new Promise<void>((done, fail) => {
      const hear = (chunk: Buffer): void => {
        this.#output += chunk.toString();
        if (this.#output.includes('orca server is ready')) done();
      };
      child.stdout.on('data', hear);
      child.stderr.on('data', hear);
      child.on('exit', (code) => fail(new Error(`orca server exited with ${code}:\n${this.#output}`)));
    });
  }

  /** Ends the server the way the signal does, and waits until it is gone. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#server;
    if (child === undefined) return null;
    this.#server = undefined;
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const gone = new Promise<number | null>((done) => child.once('exit', done));
    child.kill(signal);
    return gone;
  }

  get output(): string {
    return this.#output;
  }

  get(
    host: string,
    path: string,
    options: { readonly method?: string; readonly headers?: Record<string, string> } = {},
  ): Promise<Page> {
    return new Promise((done, fail) => {
      const req = request(
        {
          host: '127.0.0.1',
          port: this.proxyPort,
          path,
          method: options.method ?? 'GET',
          headers: { host, ...options.headers },
          agent: false,
        },
        (res) => {
          let body = '';
          res.on('data', (chunk: Buffer) => (body += chunk.toString()));
          res.on('end', () => done({ status: res.statusCode ?? 0, body, headers: res.headers }));
          res.on('error', fail);
        },
      );
      req.on('error', fail);
      req.end();
    });
  }

  /** Names of this cluster's containers, stopped ones too. */
  async containers(): Promise<readonly string[]> {
    const out = await docker('ps', '-a', '--filter', `label=orca.cluster=${this.cluster}`, '--format', '{{.Names}}');
    return out
      .split('\n')
      .filter((name) => name !== '')
      .sort();
  }

  /** What must stay the same when nothing happened to a container. */
  async identity(name: string): Promise<string> {
    return docker('inspect', '--format', '{{.Id}} {{.State.Pid}} {{.State.StartedAt}}', name);
  }

  /** Ends the server and removes all that this test made in the engine. */
  async dispose(): Promise<void> {
    await this.end('SIGKILL');
    await endOrcaProxy(this.home);
    const label = `label=orca.cluster=${this.cluster}`;
    const containers = await docker('ps', '-aq', '--filter', label);
    if (containers !== '') await docker('rm', '-f', ...containers.split('\n'));
    for (const kind of ['network', 'volume'] as const) {
      const names = await docker(kind, 'ls', '-q', '--filter', label);
      if (names !== '') await docker(kind, 'rm', ...names.split('\n'));
    }
    rmSync(dirname(this.root), { recursive: true, force: true });
  }
}
