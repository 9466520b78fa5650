import { setTimeout as sleep } from 'node:timers/promises';
import type { DrainOptions } from '../drain.ts';
import { ProxyError } from '../errors.ts';
import type { MetricsSnapshot } from '../metrics/snapshot.ts';
import { parseState, type ProxyState } from '../state.ts';
import type { RefusedCertificate } from '../tls/certificates.ts';
import { codeOf, isRefusal, membersOf, type Calls } from './calls.ts';
import { parseAddress, type ListenAddress, type ProxyConfig } from './config.ts';
import { connectTo, isBeingRaised, killOwner, startSupervisor, unreachable } from './connect.ts';
import { ownProgram } from './entries.ts';
import type { Program } from './heir.ts';
import type { Log } from './log.ts';
import { readOwner } from './owner.ts';
import { placeIn, type Place } from './place.ts';
import { protocol } from './protocol.ts';
import { readMetrics } from './tally.ts';
import { readRefused } from './refused.ts';
import { readStatus, type ProxyStatus } from './status.ts';
import { stopProxy } from './visit.ts';

export interface AttachOptions {
  /** Where the proxy keeps its files; nobody but its owner may enter it. */
  readonly dir: string;
  readonly config: ProxyConfig;
  readonly log: Log;
  /** The supervisor's program, where it is not the one that belongs to this package. */
  readonly program?: Program;
  /** What was not simply forwarded, as plain data; see `ProxyEvent`. */
  readonly onEvent?: (event: object) => void;
}

/** A proxy in processes of its own, which serve on when this one ends, however it ends. */
export interface AttachedProxy {
  /** What it served by when this process came; from then on what `replace` says. */
  readonly found: ProxyState;
  readonly address: ListenAddress;
  /** `undefined` without HTTPS. */
  readonly httpsAddress: ListenAddress | undefined;
  readonly pid: number;
  /** It was started by this call: nobody was served before. */
  readonly isNew: boolean;
  /**
   * Resolves when every process serves by it, with the certificates that they cannot serve. What is
   * called later wins.
   */
  replace(state: ProxyState): Promise<readonly RefusedCertificate[]>;
  /** As `Proxy.drain`, over all processes, those that end included. */
  drain(targetId: string, options: DrainOptions): Promise<void>;
  status(): Promise<ProxyStatus>;
  /** What was counted since the proxy was first started, over all its processes. */
  metrics(): Promise<MetricsSnapshot>;
  /** Lets go of it; it serves on. */
  detach(): void;
  /** Ends it, and resolves when its processes have ended. */
  stop(graceMs?: number): Promise<void>;
}

const helloWithinMs = 5_000;
const changeWithinMs = 60_000;
const maxBackoffMs = 2_000;

/**
 * Finds the proxy of this directory, or starts it, and controls it from now on: a former
 * controller can change nothing any more. One of another build is replaced without cutting
 * anything. When the proxy dies it is started again, with what was last asked for.
 */
export const attachProxy = async (o: AttachOptions): Promise<AttachedProxy> => {
  const attached = new Attached(o);
  await attached.begin();
  return attached;
};

interface Hello {
  readonly calls: Calls;
  readonly pid: number;
  readonly build: string;
  readonly protocol: number;
  /** As it came: one of another version may serve by what this one cannot read. */
  readonly state: unknown;
}

class Attached implements AttachedProxy {
  found: ProxyState = { table: { routes: [] } };
  address: ListenAddress = { host: '', port: 0 };
  httpsAddress: ListenAddress | undefined;
  pid = 0;
  isNew = false;
  readonly #o: AttachOptions;
  readonly #place: Place;
  readonly #program: Program;
  #wanted: ProxyState | undefined;
  /** The last that was put in force. */
  #accepted: ProxyState | undefined;
  #epoch: number | undefined;
  #session: Promise<Calls> | undefined;
  #isDetached = false;
  #lost: ProxyError | undefined;

  constructor(o: AttachOptions) {
    this.#o = o;
    this.#place = placeIn(o.dir);
    this.#program = o.program ?? ownProgram();
  }

  async begin(): Promise<void> {
    assertShort(this.#place);
    try {
      this.#session = this.#connect();
      // Whoever took it over may have hung up on us before we heard of it: asked again, the proxy says so.
      await this.#session.catch((error: unknown) => {
        if (codeOf(error) !== 'ORCA_PROXY_UNREACHABLE' || this.#epoch === undefined) throw error;
        this.#session = this.#connect();
        return this.#session;
      });
    } catch (error) {
      this.#isDetached = true;
      if (this.#lost !== undefined) throw this.#lost;
      if (this.isNew && codeOf(error) !== 'ORCA_PROXY_SUPERSEDED') await stopProxy(this.#o.dir, 0);
      throw error;
    }
  }

  async replace(state: ProxyState): Promise<readonly RefusedCertificate[]> {
    this.#wanted = state;
    let told = state;
    const answer = await this.#persist((calls) => {
      told = this.#wanted ?? state;
      return calls.call('state', told, { timeoutMs: changeWithinMs });
    }).catch((error: unknown) => {
      // Told again to a proxy that was started anew, it would be refused again, and that proxy not controlled.
      if (isRefusal(error) && this.#wanted === told) this.#wanted = this.#accepted;
      throw error;
    });
    this.#accepted = told;
    const { unkept, refused } = membersOf(answer);
    if (typeof unkept === 'string')
      this.#o.log.error('the proxy serves the new table and cannot keep it on disk', { reason: unkept });
    return readRefused(refused);
  }

  async drain(targetId: string, { timeoutMs, signal }: DrainOptions): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    await this.#persist((calls) => {
      const leftMs = Math.max(0, Math.round(deadline - performance.now()));
      return calls.call('drain', { targetId, timeoutMs: leftMs }, { signal, timeoutMs: 0 });
    });
  }

  async status(): Promise<ProxyStatus> {
    return readStatus(await this.#persist((calls) => calls.call('status', {})));
  }

  async metrics(): Promise<MetricsSnapshot> {
    const snapshot = readMetrics(await this.#persist((calls) => calls.call('metrics', {})));
    if (snapshot === undefined) throw unreachable('the proxy gives no metrics');
    return snapshot;
  }

  detach(): void {
    this.#isDetached = true;
    void this.#session?.then((calls) => calls.end()).catch(() => undefined);
  }

  async stop(graceMs?: number): Promise<void> {
    this.#isDetached = true;
    const calls = await this.#session;
    await calls?.call('stop', graceMs === undefined ? {} : { graceMs });
    await calls?.ended;
  }

  /** Asks until it is answered: a proxy that dies in between is started again, and asked again. */
  async #persist(ask: (calls: Calls) => Promise<unknown>): Promise<unknown> {
    const begun = performance.now();
    for (;;) {
      if (this.#lost !== undefined) throw this.#lost;
      if (this.#isDetached || this.#session === undefined) throw unreachable('this process has let go of the proxy');
      try {
        return await ask(await this.#session);
      } catch (error) {
        if (this.#lost !== undefined) throw this.#lost;
        const isOver = this.#isDetached || performance.now() - begun > changeWithinMs;
        if (codeOf(error) !== 'ORCA_PROXY_UNREACHABLE' || isOver) throw error;
        await sleep(50);
      }
    }
  }

  async #connect(): Promise<Calls> {
    let hello = await this.#hello();
    if (hello.build !== this.#program.build || hello.protocol !== protocol) hello = await this.#upgrade(hello);
    const { calls } = hello;
    try {
      await this.#instruct(hello);
    } catch (error) {
      calls.end();
      throw error;
    }
    void calls.ended.then(() => this.#onLoss());
    return calls;
  }

  async #instruct({ calls, pid, state }: Hello): Promise<void> {
    const configured = await calls.call('configure', { config: this.#o.config }, { timeoutMs: changeWithinMs });
    const { http, https } = membersOf(configured);
    this.address = parseAddress(http);
    this.httpsAddress = https === null ? undefined : parseAddress(https);
    this.pid = pid;
    if (this.#wanted === undefined) this.found = readFound(state, pid);
    else await calls.call('state', this.#wanted, { timeoutMs: changeWithinMs });
  }

  /** Says hello to whoever owns the directory, and starts somebody where nobody does. */
  async #hello(): Promise<Hello> {
    for (let attempt = 0; ; attempt += 1) {
      const calls = await connectTo(this.#place, this.#handlers());
      if (calls === undefined) {
        // Its workers serve on, and start another supervisor for themselves.
        if (await isBeingRaised(this.#place)) continue;
        await startSupervisor(this.#place, this.#program);
        this.isNew = this.#epoch === undefined;
        continue;
      }
      try {
        const epoch = this.#epoch === undefined ? {} : { epoch: this.#epoch };
        const said = membersOf(
          await calls.call('hello', { role: 'controller', ...epoch }, { timeoutMs: helloWithinMs }),
        );
        this.#epoch = Number(said['epoch']);
        return {
          calls,
          pid: Number(said['pid']),
          build: String(said['build']),
          protocol: Number(said['protocol']),
          state: said['state'],
        };
      } catch (error) {
        if (this.#lost !== undefined) throw this.#lost;
        if (codeOf(error) === 'ORCA_PROXY_PROTOCOL')
          throw ofAnotherVersion(readOwner(this.#place.ownerPath)?.pid, error);
        if (codeOf(error) !== 'ORCA_PROXY_UNREACHABLE' || attempt >= 3) throw error;
        // One that hangs up is alive, and may be about to hand over; one that says nothing hangs.
        if (await hasEnded(calls)) continue;
        calls.end();
        this.#o.log.error('the proxy does not answer and is killed', { reason: String(error) });
        await killOwner(this.#place);
      }
    }
  }

  async #upgrade(hello: Hello): Promise<Hello> {
    const { calls } = hello;
    try {
      await calls.call('succeed', this.#program, { timeoutMs: 2 * changeWithinMs });
    } catch (error) {
      if (hello.protocol !== protocol) {
        calls.end();
        throw ofAnotherVersion(hello.pid, error);
      }
      this.#o.log.error('the proxy of another build cannot be replaced; it serves on', { reason: String(error) });
      return hello;
    }
    calls.end();
    this.#o.log.info('the proxy was replaced by this build; what was in flight goes on');
    return this.#hello();
  }

  #handlers(): Readonly<Record<string, (params: unknown) => void>> {
    return {
      superseded: () => {
        this.#lost = new ProxyError('ORCA_PROXY_SUPERSEDED', 'another controller has taken the proxy over');
        this.#o.log.error('another control plane has taken the proxy over; this one changes nothing any more');
      },
      events: (params) => {
        const { events, dropped } = membersOf(membersOf(params)['batch']);
        for (const event of Array.isArray(events) ? events : []) this.#o.onEvent?.(membersOf(event));
        if (typeof dropped === 'number' && dropped > 0) this.#o.onEvent?.({ kind: 'events-dropped', count: dropped });
      },
    };
  }

  #onLoss(): void {
    if (this.#isDetached || this.#lost !== undefined) return;
    this.#o.log.error('the proxy is gone; it is started again');
    this.#session = this.#reconnect();
    this.#session.catch(() => undefined);
  }

  async #reconnect(): Promise<Calls> {
    for (let waitMs = 100; ; waitMs = Math.min(2 * waitMs, maxBackoffMs)) {
      try {
        const calls = await this.#connect();
        this.#o.log.info('the proxy serves again', { pid: this.pid });
        return calls;
      } catch (error) {
        if (error instanceof ProxyError && error.code === 'ORCA_PROXY_SUPERSEDED') this.#lost = error;
        if (this.#isDetached || this.#lost !== undefined) throw error;
        this.#o.log.error('the proxy cannot be started', { reason: String(error) });
        await sleep(waitMs);
      }
    }
  }
}

const readFound = (state: unknown, pid: number): ProxyState => {
  try {
    return parseState(state);
  } catch (cause) {
    throw ofAnotherVersion(pid, cause);
  }
};

/** It is not ended without being asked: it may be all that serves. */
const ofAnotherVersion = (pid: number | undefined, cause: unknown): ProxyError =>
  unreachable(
    `a proxy of another version runs (pid ${pid ?? 'unknown'}) and cannot be replaced (${messageOf(cause)}); it serves on: end it, and start again`,
    cause,
  );

const messageOf = (error: unknown): string => (Error.isError(error) ? error.message : String(error));

/** Unix sockets have names of 107 bytes at most, and the file has a longer name while it is made. */
const maxPathBytes = 96;

const assertShort = ({ dir, socketPath }: Place): void => {
  if (Buffer.byteLength(socketPath) > maxPathBytes)
    throw unreachable(`${dir} has too long a path for a socket in it: ${maxPathBytes} bytes are the most`);
};

const hasEnded = (calls: Calls): Promise<boolean> =>
  Promise.race([calls.ended.then(() => true), sleep(20).then(() => false)]);
