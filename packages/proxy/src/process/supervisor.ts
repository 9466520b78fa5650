import { rmSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { createLogRotator, type LogRotator } from '../access-log/rotator.ts';
import { ProxyError } from '../errors.ts';
import { emptyState, parseState, type ProxyState } from '../state.ts';
import { isRefusal, membersOf, type Calls, type Handlers } from './calls.ts';
import { parseConfig, type Door, type ListenAddress, type ProxyConfig } from './config.ts';
import { openControlSocket, type ControlSocket, type Session } from './control-socket.ts';
import { raiseHeir, type Inheritance, type Program } from './heir.ts';
import { Keeping } from './keeping.ts';
import { eachOf, openHandle, type Handles, type ListeningHandle } from './listening-handle.ts';
import type { Log } from './log.ts';
import { bootId, claim, disclaim, takeOver } from './owner.ts';
import { Pool, type PoolTiming } from './pool.ts';
import { placeIn, type Place } from './place.ts';
import { protocol } from './protocol.ts';
import { Queue } from './queue.ts';
import { readKept, type Kept } from './state-file.ts';
import { Tickets } from './tickets.ts';

export interface SupervisorOptions {
  readonly dir: string;
  /** The program of a worker. */
  readonly workerEntry: string;
  /** This program itself: its workers start it again when it dies. */
  readonly program: Program;
  readonly log: Log;
  readonly now: () => number;
  readonly timing?: Partial<PoolTiming>;
  /** How soon a state that could not be kept on disk is tried again (10 s). */
  readonly keepRetryMs?: number;
  /** Called once, when nothing is left to do. */
  readonly onEnd: () => void;
}

const stopGraceMs = 10_000;
/** One that serves nothing, and that nobody asks to, is a leftover of a start that failed. */
const idleEndMs = 30_000;

/** Holds the port, the workers and what they serve by; outlives whoever controls it. */
export class Supervisor {
  readonly #o: SupervisorOptions;
  readonly #place: Place;
  readonly #pool: Pool;
  readonly #keeping: Keeping;
  /** Changes of what serves, one at a time. */
  readonly #queue = new Queue();
  #socket: ControlSocket | undefined;
  #controller: Session | undefined;
  readonly #tickets = new Tickets();
  #serving: Serving | undefined;
  #rotator: LogRotator | undefined;
  #epoch = 0;
  #raising: Promise<Calls> | undefined;
  #isEnding = false;

  constructor(o: SupervisorOptions) {
    this.#o = o;
    this.#place = placeIn(o.dir);
    const { log, now, timing = {}, workerEntry: entry, dir, program } = o;
    const onEvents = (batch: unknown): void => this.#controller?.calls.note('events', { batch });
    this.#pool = new Pool({ entry, log, now, timing, onEvents, dir, program, tickets: this.#tickets }, emptyState);
    this.#keeping = new Keeping({
      path: this.#place.keptPath,
      onFault: (reason) => log.error('the table cannot be kept', { reason }),
      ...(o.keepRetryMs !== undefined && { retryMs: o.keepRetryMs }),
    });
  }

  /** Serves what was kept, if anything was, and then listens to controllers. */
  async restore(): Promise<void> {
    const kept = await readKept(this.#place.keptPath, bootId(), (reason) =>
      this.#o.log.error('what was kept cannot be read, and nothing is served until a controller says what', { reason }),
    );
    if (kept !== undefined) {
      this.#epoch = kept.epoch;
      await this.#putInForce(kept.state);
      try {
        await this.#serve(kept.config);
        this.#o.log.info('serves what was kept', { routes: kept.state.table.routes.length, pid: process.pid });
      } catch (error) {
        this.#o.log.error('what was kept cannot be served', { reason: String(error) });
        // It would keep the workers of the next controller's configuration from their start as well.
        if (isRefusal(error)) await this.#putInForce(emptyState);
      }
    }
    await this.#open();
  }

  /** Serves what a predecessor gives away. Until `own`, the directory is still the predecessor's. */
  async inherit(inheritance: Inheritance, predecessor: Calls): Promise<void> {
    const { handles, config, state, epoch, ticketKeys, isOrphaned } = inheritance;
    if (isOrphaned === true) this.#adoptOrphans();
    this.#epoch = Math.max(epoch, (await readKept(this.#place.keptPath, bootId()))?.epoch ?? 0);
    this.#pool.join(predecessor);
    await this.#putInForce(state);
    this.#tickets.use(ticketKeys);
    await this.#pool.serve(config, handles);
    this.#serving = { config, handles };
    await this.#watchLog(config);
  }

  #adoptOrphans(): void {
    const owner = claim(this.#place.ownerPath);
    if (owner !== undefined) throw new ProxyError('ORCA_PROXY_SUPERSEDED', `process ${owner.pid} was faster`);
    this.#o.log.error('the supervisor before this one died; its workers served on', { pid: process.pid });
  }

  async own(): Promise<void> {
    takeOver(this.#place.ownerPath);
    await this.#open();
    this.#o.log.info('has taken over from its predecessor', { pid: process.pid, build: this.#o.program.build });
  }

  /** Ends: takes no more connections, and lets what is in flight end within the grace. */
  async stop(graceMs: number = stopGraceMs): Promise<void> {
    if (this.#isEnding) return this.#pool.close(graceMs);
    this.#isEnding = true;
    this.#o.log.info('ends', { graceMs });
    // Whoever asked for the end sees it by the end of their connection.
    this.#socket?.refuse();
    if (this.#serving !== undefined) closeAll(this.#serving.handles);
    await this.#pool.close(graceMs);
    await this.#stopHeir(graceMs);
    await this.#keeping.end(this.#kept());
    if (disclaim(this.#place.ownerPath)) rmSync(this.#place.socketPath, { force: true });
    this.#o.onEnd();
  }

  /** One that is just being raised is to end as well. */
  async #stopHeir(graceMs: number): Promise<void> {
    if (this.#raising === undefined) return;
    try {
      const heir = await this.#raising;
      await heir.call('stop', { graceMs });
    } catch (error) {
      this.#o.log.info('there is no heir', { reason: String(error) });
      this.#keeping.resume();
    }
  }

  async #open(): Promise<void> {
    const handlersFor = (session: () => Session): Handlers => this.#handlers(session);
    const onFault = (reason: string): void => this.#o.log.error('control socket', { reason });
    this.#socket = await openControlSocket({ path: this.#place.socketPath, handlersFor, onFault });
    const idle = setInterval(() => {
      if (this.#serving !== undefined || this.#isEnding) clearInterval(idle);
      else if (this.#socket?.sessions.size === 0) void this.stop(0);
    }, idleEndMs).unref();
  }

  #handlers(session: () => Session): Handlers {
    const known = (): void => {
      if (session().role === undefined) throw new ProxyError('ORCA_PROXY_PROTOCOL', 'say hello first');
    };
    const controlling = (): void => {
      known();
      if (this.#controller === session()) return;
      throw new ProxyError('ORCA_PROXY_SUPERSEDED', 'another controller has taken the proxy over');
    };
    return {
      hello: (params) => this.#welcome(session(), membersOf(params)),
      configure: (params) => {
        controlling();
        const config = parseConfig(membersOf(params)['config']);
        return this.#queue.run(() => this.#configure(config));
      },
      state: async (params) => {
        controlling();
        const refused = await this.#putInForce(parseState(params));
        return { refused, unkept: await this.#keep() };
      },
      drain: async (params, { signal }) => {
        controlling();
        const { targetId, timeoutMs } = membersOf(params);
        await this.#pool.drain(String(targetId), Number(timeoutMs), signal);
      },
      succeed: (params) => {
        controlling();
        const { entry, build } = membersOf(params);
        return this.#queue.run(() => this.#succeed(String(entry), String(build)));
      },
      metrics: () => {
        known();
        return this.#pool.metrics();
      },
      status: () => {
        known();
        return this.#status();
      },
      stop: (params) => {
        known();
        // Answered first: the connection is one of the things that end.
        setImmediate(() => void this.stop(Number(membersOf(params)['graceMs'] ?? stopGraceMs)));
      },
    };
  }

  /** A controller without an epoch is a new one, and gets the next; one of an older epoch has been replaced. */
  #welcome(session: Session, { role, epoch }: Readonly<Record<string, unknown>>): object {
    if (role === 'controller') {
      if (typeof epoch === 'number' && epoch < this.#epoch)
        throw new ProxyError('ORCA_PROXY_SUPERSEDED', 'another controller has taken the proxy over since');
      this.#epoch = typeof epoch === 'number' ? epoch : this.#epoch + 1;
      if (this.#controller !== session) this.#supersede();
      this.#controller = session;
      void session.calls.ended.then(() => {
        if (this.#controller === session) this.#controller = undefined;
      });
      if (this.#serving !== undefined) void this.#keep();
    } else if (role === 'elder') {
      this.#pool.adopt(session.calls);
    } else if (role !== 'visitor') throw new ProxyError('ORCA_PROXY_PROTOCOL', 'a role is needed');
    session.role = role;
    session.epoch = this.#epoch;
    return { protocol, build: this.#o.program.build, epoch: this.#epoch, state: this.#pool.state, ...this.#status() };
  }

  #supersede(): void {
    this.#controller?.calls.note('superseded', {});
    this.#controller?.calls.end();
  }

  #status(): object {
    return {
      pid: process.pid,
      build: this.#o.program.build,
      ...this.#addresses(),
      isControlled: this.#controller !== undefined,
      routes: this.#pool.state.table.routes.length,
      workers: this.#pool.report(),
    };
  }

  async #configure(config: ProxyConfig): Promise<object> {
    if (this.#isEnding) throw new ProxyError('ORCA_PROXY_UNREACHABLE', 'the proxy ends');
    if (!isDeepStrictEqual(this.#serving?.config, config)) {
      await this.#serve(config);
      await this.#keep();
    }
    return this.#addresses();
  }

  /** The same port goes on being the same handle: what waits in it for being accepted stays. */
  async #serve(config: ProxyConfig): Promise<void> {
    const former = this.#serving;
    const handles = openHandles(config, former);
    try {
      await this.#pool.serve(config, handles);
    } catch (error) {
      closeAll(handles, former?.handles);
      throw error;
    }
    this.#serving = { config, handles };
    await this.#watchLog(config);
    if (former !== undefined) closeAll(former.handles, handles);
  }

  async #watchLog({ accessLog }: ProxyConfig): Promise<void> {
    await this.#rotator?.close();
    const { rotation, path } = accessLog ?? {};
    if (rotation === undefined || path === undefined) return;
    this.#rotator = createLogRotator({
      ...rotation,
      path,
      onRotated: () => this.#pool.reopenLogs(),
      onError: (cause) => this.#o.log.error('the access log cannot be turned over', { reason: String(cause) }),
    });
  }

  async #putInForce(state: ProxyState): Promise<readonly unknown[]> {
    return this.#pool.replace(state);
  }

  #addresses(): object {
    const { http, https } = this.#serving?.handles ?? {};
    return { http: http?.address ?? null, https: https?.address ?? null };
  }

  #kept(): Kept | undefined {
    const { config } = this.#serving ?? {};
    return config && { config, state: this.#pool.state, epoch: this.#epoch };
  }

  /** Serving goes before keeping: a full disk must not hold up a deploy. */
  async #keep(): Promise<string | undefined> {
    const kept = this.#kept();
    return kept && this.#keeping.keep(kept);
  }

  async #succeed(entry: string, build: string): Promise<object> {
    if (this.#isEnding) throw new ProxyError('ORCA_PROXY_UNREACHABLE', 'the proxy ends');
    const [kept, serving] = [this.#kept(), this.#serving];
    if (kept === undefined || serving === undefined) {
      // Nothing to hand over: whoever asked starts another one by themselves.
      setImmediate(() => void this.stop(0));
      return {};
    }
    // The heir is told the changes since, and asks after what is still in flight here.
    const last: Handlers = {
      state: async (params) => {
        await this.#pool.replace(parseState(params));
      },
      drain: async (params, { signal }) => {
        const { targetId, timeoutMs } = membersOf(params);
        await this.#pool.drain(String(targetId), Number(timeoutMs), signal);
      },
      metrics: () => this.#pool.metrics(),
      reopenLog: () => this.#pool.reopenLogs(),
      close: (params) => this.#pool.close(Number(membersOf(params)['graceMs'])),
    };
    this.#o.log.info('hands over to another build', { build });
    const inheritance = { ...kept, handles: serving.handles, ticketKeys: this.#tickets.keys };
    // The heir keeps what it serves by from its first moment on: nothing of this one may come after.
    await this.#keeping.release();
    try {
      this.#raising = raiseHeir(this.#o.dir, { entry, build }, inheritance, last);
      await this.#raising;
    } catch (error) {
      this.#raising = undefined;
      this.#keeping.resume();
      throw error;
    }
    // Asked to end meanwhile, it takes the heir with it.
    if (this.#isEnding) return {};
    this.#isEnding = true;
    // The log is turned over by the heir, who asks the workers here too.
    await this.#rotator?.close();
    closeAll(serving.handles);
    setImmediate(() => this.#socket?.close());
    void this.#pool.retire().then(() => this.#o.onEnd());
    return {};
  }
}

interface Serving {
  readonly config: ProxyConfig;
  readonly handles: Handles;
}

/** What is served already keeps its handle, and with it whoever waits there for being accepted. */
const openHandles = (config: ProxyConfig, former: Serving | undefined): Handles => {
  const open = (door: Door, { host, port }: ListenAddress): ListeningHandle => {
    const kept = former?.handles[door];
    const was = former?.config[door];
    // The same by what was asked for, or by what came of it where that was any free port.
    const isSame = kept !== undefined && was?.host === host && [was.port, kept.address.port].includes(port);
    return isSame ? kept : openBeside({ host, port }, former);
  };
  const http = open('http', config.http);
  try {
    return { http, ...(config.https && { https: open('https', config.https) }) };
  } catch (error) {
    if (http !== former?.handles.http) http.close();
    throw error;
  }
};

const openBeside = (wanted: ListenAddress, former: Serving | undefined): ListeningHandle => {
  try {
    return openHandle(wanted);
  } catch (cause) {
    const own = eachOf(former?.handles ?? {}).find(([, { address }]) => address.port === wanted.port)?.[1].address;
    if (own === undefined || !(cause instanceof ProxyError)) throw cause;
    const where = `${wanted.host}, port ${wanted.port}`;
    const message = `cannot listen on ${where}: this proxy itself does, on ${own.host}; end it, and start it again`;
    throw new ProxyError(cause.code, message, { cause: cause.cause });
  }
};

/** All but those that others still use. */
const closeAll = (handles: Handles, others?: Handles): void => {
  for (const [door, handle] of eachOf(handles)) if (others?.[door] !== handle) handle.close();
};
