import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  attachProxy,
  stopProxy,
  type AttachedProxy,
  type AttachOptions,
  type ListenAddress,
  type ProxyState,
} from '@orca/proxy/process';
import {
  closing,
  dial,
  httpOrigin,
  portOf,
  rawOrigin,
  route,
  target,
  type RawClient,
  type RawOrigin,
} from '../harness.ts';

const patienceMs = 60_000;

export const anyPort: ListenAddress = { host: '127.0.0.1', port: 0 };

/** For `exchange`. */
export const get = 'GET / HTTP/1.1\nHost: app.test';

export interface APlace {
  readonly dir: string;
  /** Controls the proxy of this directory; lets go of it after the test. */
  attach(options?: Partial<AttachOptions>): Promise<AttachedProxy>;
  /** What its supervisors have logged. */
  log(): string;
}

/** A directory for one proxy, which ends with the test. */
export const aPlace = (): APlace => {
  const dir = mkdtempSync(join(tmpdir(), 'orca-proxy-'));
  closing(async () => {
    await stopProxy(dir, 0);
    rmSync(dir, { recursive: true, force: true });
  });
  return {
    dir,
    attach: async (options = {}) => {
      const attached = await attachProxy({
        dir,
        config: { http: anyPort, workers: 1 },
        log: { info: () => undefined, error: () => undefined },
        ...options,
      });
      closing(() => attached.detach());
      return attached;
    },
    log: () => readFileSync(join(dir, 'proxy.log'), 'utf8'),
  };
};

/** What a proxy serves by before an origin that says hello. */
export const helloState = async (): Promise<ProxyState> => {
  const origin = await httpOrigin((_, res) => res.end('hello'));
  return { table: { routes: [route([target(portOf(origin))])] } };
};

/** An origin that answers when the test wants it to. */
export const silentOrigin = (): Promise<RawOrigin> => rawOrigin(() => undefined);

/** A request that has come to the origin, and is in flight there. */
export const inFlight = async (port: number, origin: RawOrigin, host = 'app.test'): Promise<RawClient> => {
  const client = await dial(port);
  client.send(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  await origin.until(`Host: ${host}`);
  return client;
};

/** Whether nobody listens on a port. */
export const refuses = async (port: number): Promise<boolean> => {
  try {
    (await dial(port)).socket.destroy();
    return false;
  } catch {
    return true;
  }
};

/** Waits for what takes its own time. */
export const eventually = async <T>(look: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> => {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`waited in vain: ${look.toString()}`);
    await sleep(20);
  }
};
