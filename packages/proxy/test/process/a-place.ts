import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { attachProxy, stopProxy, type AttachedProxy, type AttachOptions } from '@orca/proxy/process';
import { closing } from '../harness.ts';

const patienceMs = 20_000;

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
        config: { http: { host: '127.0.0.1', port: 0 }, workers: 1 },
        log: { info: () => undefined, error: () => undefined },
        ...options,
      });
      closing(() => attached.detach());
      return attached;
    },
    log: () => readFileSync(join(dir, 'proxy.log'), 'utf8'),
  };
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
