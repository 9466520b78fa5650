import { spawn } from 'node:child_process';
import { open, readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { installPackages } from './apt.ts';
import { mustRun } from './command.ts';
import { TestbedError } from './errors.ts';
import type { Log } from './log.ts';
import { silent } from './log.ts';
import { endProcess, identify } from './processes.ts';
import { freePort, tempDir, waitFor } from './temp.ts';

export interface RegistryOptions {
  readonly log?: Log;
  /** Asks for this name and password before anything else. Default: open to all. */
  readonly user?: { readonly name: string; readonly password: string };
}

/** An image registry on the loopback address, which engines talk to over plain HTTP. */
export interface Registry extends AsyncDisposable {
  /** Such as `127.0.0.1:41235`: the first part of its images' names. */
  readonly address: string;
  /** Where a blob's bytes are on disk, to be damaged. */
  blobFile(digest: string): string;
  /** Ends the program; what was pushed stays, for `start`. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** Starts Debian's `docker-registry` with an empty store of its own, which goes when it is disposed of. */
export async function registry(options: RegistryOptions = {}): Promise<Registry> {
  const { log = silent, user } = options;
  await installPackages(['docker-registry', ...(user === undefined ? [] : ['apache2-utils'])], log);
  const dir = await tempDir('orca-registry-');
  const address = `127.0.0.1:${await freePort()}`;
  const configPath = join(dir.path, 'config.yml');
  const store = join(dir.path, 'store');
  const passwords = join(dir.path, 'htpasswd');
  if (user !== undefined) await writeFile(passwords, await mustRun('htpasswd', ['-Bbn', user.name, user.password]));
  // JSON is YAML, and quotes by itself.
  const config = {
    version: 0.1,
    log: { level: 'warn' },
    storage: { filesystem: { rootdirectory: store }, delete: { enabled: true } },
    http: { addr: address },
    ...(user === undefined ? {} : { auth: { htpasswd: { realm: 'orca-test', path: passwords } } }),
  };
  await writeFile(configPath, JSON.stringify(config));
  let end = async (): Promise<void> => {};
  const start = async (): Promise<void> => {
    end = await startRegistry(configPath, address);
  };
  await start();
  return {
    address,
    blobFile(digest) {
      const hex = digest.replace('sha256:', '');
      return join(store, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data');
    },
    start,
    stop: () => end(),
    async [Symbol.asyncDispose]() {
      await end();
      await dir.remove();
    },
  };
}

/** Starts the program, waits until it answers, and returns how to end it. */
async function startRegistry(configPath: string, address: string): Promise<() => Promise<void>> {
  const logPath = `${configPath}.log`;
  const log = await open(logPath, 'w');
  const child = spawn('docker-registry', ['serve', configPath], { stdio: ['ignore', log.fd, log.fd] });
  await log.close();
  const known = child.pid === undefined ? undefined : await identify(child.pid);
  const end = async (): Promise<void> => {
    if (known !== undefined) await endProcess(known, 30_000);
  };
  try {
    await waitFor(() => answers(address), { what: `the registry on ${address}`, timeoutMs: 120_000 });
  } catch (error) {
    await end();
    throw new TestbedError('ORCA_TESTBED_COMMAND_FAILED', await readFile(logPath, 'utf8').catch(() => ''), error);
  }
  return end;
}

/** Any answer will do: with passwords it is a refusal. */
function answers(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const req = request(`http://${address}/v2/`, { agent: false, timeout: 10_000 }, (res) => {
      res.resume();
      resolve(true);
    });
    req.on('timeout', () => req.destroy());
    req.on('error', () => resolve(false));
    req.end();
  });
}
