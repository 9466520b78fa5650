import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createFileStore, SecretValue, type FileStore } from '@orca/secrets';
import { run, tempDir, type RunResult } from '@orca/tooling-testbed';

const cli = resolve(import.meta.dirname, '../../../apps/cli/dist/main.cjs');
/** Fifty at once wait for each other. */
const commandWithinMs = 600_000;

/** An infra repository and a home, and the real command that keeps secrets in them. */
export class SecretPlace {
  readonly dir: string;
  readonly root: string;
  readonly home: string;
  readonly path: string;
  readonly keyPath: string;

  constructor(dir: string) {
    this.dir = dir;
    this.root = join(dir, 'infra');
    this.home = join(dir, 'home');
    this.path = join(this.root, 'secrets.json');
    this.keyPath = join(this.home, 'master.key');
    mkdirSync(this.root);
    writeFileSync(join(this.root, 'cluster.toml'), '');
  }

  /** The store as another process sees it. */
  open(): FileStore {
    return createFileStore({ path: this.path, keyPath: this.keyPath, seenPath: join(this.home, 'secrets-seen.json') });
  }

  async set(name: string, value: string): Promise<void> {
    await this.open().set(name, SecretValue.of(value));
  }

  async reveal(name: string): Promise<string | undefined> {
    return (await this.open().get(name))?.reveal();
  }

  async names(): Promise<string> {
    return (await this.open().names()).map(({ name }) => name).join();
  }

  /** `orca secrets …`, as its user runs it, perhaps under another program. */
  orca(args: readonly string[], input = '', under: readonly string[] = []): Promise<RunResult> {
    const [program = '', ...rest] = [...under, process.execPath, cli, 'secrets', ...args];
    return run(program, rest, {
      cwd: this.root,
      env: { ORCA_HOME: this.home, HOME: this.home, ORCA_MASTER_KEY_FILE: '', NO_COLOR: '1' },
      input,
      timeoutMs: commandWithinMs,
    });
  }

  raw(): string | undefined {
    try {
      return readFileSync(this.path, 'utf8');
    } catch {
      return undefined;
    }
  }

  /** Files that no finished command leaves. */
  leftovers(): readonly string[] {
    return [this.root, this.home].flatMap((directory) =>
      readdirSync(directory).filter((name) => /\.tmp$|\.lock|\.next$/.test(name)),
    );
  }
}

/** A place of its own, removed afterwards. */
export const withSecretPlace = async <T>(work: (place: SecretPlace) => Promise<T>): Promise<T> => {
  await using dir = await tempDir('orca-secrets-');
  return await work(new SecretPlace(dir.path));
};
