import type { AccessLogSettings } from '../access-log/settings.ts';
import { createProxy } from '../create-proxy.ts';
import { ProxyError } from '../errors.ts';
import type { Proxy } from '../options.ts';
import { emptyState, parseState, putInForce, type ProxyState } from '../state.ts';
import { codeOf, createCalls, membersOf, type Calls, type Handlers } from './calls.ts';
import { parseAddress, parseConfig, type Door, type ProxyConfig } from './config.ts';
import { batchEvents } from './event-batch.ts';
import type { Program } from './heir.ts';
import type { Line } from './line.ts';
import { adoptHandle, whyNot, type Handles, type ListeningHandle } from './listening-handle.ts';
import { outliveSupervisor } from './orphan.ts';
import { protocol } from './protocol.ts';

/** Ends the process once nothing is left to do. */
export type Exit = (code: number) => void;

/** How long a worker whose supervisor died may go on with what it has, once there is another. */
const orphanGraceMs = 10 * 60_000;

/** What a worker was told at its start. */
interface Equipment {
  readonly proxy: Proxy;
  readonly config: ProxyConfig;
  readonly dir: string;
  readonly program: Program;
  readonly nth: number;
}

/** One process that serves: does what its supervisor says, over the line to it. */
export class Worker {
  readonly #exit: Exit;
  readonly #calls: Calls;
  readonly #handles: Record<Door, ListeningHandle[]> = { http: [], https: [] };
  #equipment: Equipment | undefined;
  #state: ProxyState | undefined;
  #ticketKeys = '';
  #isListening = false;
  #isEnding = false;

  constructor(line: Line, exit: Exit) {
    this.#exit = exit;
    this.#calls = createCalls(line, {
      ...this.#last(),
      start: (params) => this.#start(membersOf(params)),
      tickets: (params) => {
        this.#ticketKeys = String(membersOf(params)['keys']);
        this.#proxy.setTicketKeys(Buffer.from(this.#ticketKeys, 'base64'));
      },
      handle: (params, { handle }) => {
        const { door, address } = membersOf(params);
        this.#handles[door === 'https' ? 'https' : 'http'].push(adoptHandle(handle, parseAddress(address)));
      },
      listen: () => this.#listen(),
      ping: () => ({ residentBytes: process.memoryUsage.rss() }),
      retire: (params) => this.#end((proxy, graceMs) => proxy.retire(graceMs), params),
    });
    void line.ended.then(() => this.#onOrphaned());
    this.#calls.note('ready', { protocol });
  }

  get #proxy(): Proxy {
    if (this.#equipment !== undefined) return this.#equipment.proxy;
    throw new ProxyError('ORCA_PROXY_PROTOCOL', 'the worker was not started');
  }

  /** What whoever is responsible for it may always ask. */
  #last(): Handlers {
    return {
      state: (params) => {
        const next = parseState(params);
        try {
          const refused = putInForce(this.#proxy, next);
          this.#state = next;
          return { refused };
        } catch (error) {
          // Whole or not at all: a part of it may be in force already.
          putInForce(this.#proxy, this.#state ?? emptyState);
          throw error;
        }
      },
      drain: async (params, { signal }) => {
        const { targetId, timeoutMs } = membersOf(params);
        await this.#proxy.drain(String(targetId), { timeoutMs: Number(timeoutMs), signal });
      },
      metrics: () => this.#proxy.metrics(),
      reopenLog: () => this.#proxy.reopenLog(),
      close: (params) => this.#end((proxy, graceMs) => proxy.close(graceMs), params),
    };
  }

  #start({ config: given, dir, entry, build, nth }: Readonly<Record<string, unknown>>): void {
    const config = parseConfig(given);
    const { http, https, timeouts = {}, accessLog } = config;
    const onEvent = batchEvents((batch) => this.#calls.note('events', batch));
    this.#equipment = {
      // Its supervisor turns the log over, for all workers.
      proxy: createProxy({
        ...http,
        timeouts,
        onEvent,
        ...(https && { https }),
        ...(accessLog && { accessLog: withoutRotation(accessLog) }),
      }),
      config,
      dir: String(dir),
      program: { entry: String(entry), build: String(build) },
      nth: Number(nth),
    };
  }

  /** One handle of each port, which is all that another process needs. */
  get #inherited(): Handles {
    const [[http], [https]] = [this.#handles.http, this.#handles.https];
    if (http === undefined) throw new ProxyError('ORCA_PROXY_PROTOCOL', 'no listening handle came along');
    return { http, ...(https && { https }) };
  }

  async #listen(): Promise<void> {
    const { https } = this.#inherited;
    const handlesOf = (door: Door): readonly object[] => this.#handles[door].map(({ handle }) => handle);
    try {
      await this.#proxy.listen({ http: handlesOf('http'), ...(https && { https: handlesOf('https') }) });
      this.#isListening = true;
    } catch (cause) {
      const code = codeOf(cause);
      const message = `cannot listen: ${whyNot(code)} (${code ?? String(cause)})`;
      throw new ProxyError('ORCA_PROXY_PORT_UNAVAILABLE', message, { cause });
    }
  }

  /** Answers with what it counted, and ends. */
  async #end(how: (proxy: Proxy, graceMs: number) => Promise<void>, params: unknown): Promise<object> {
    this.#isEnding = true;
    const { proxy } = this.#equipment ?? {};
    await (proxy && how(proxy, Number(membersOf(params)['graceMs'])));
    setImmediate(() => this.#exit(0));
    return proxy?.metrics() ?? {};
  }

  async #onOrphaned(): Promise<void> {
    const { dir, program, nth, config, proxy } = this.#equipment ?? {};
    // One that ends has nobody to tell; one that never served has nothing to hand on.
    if (this.#isEnding) return;
    if (dir === undefined || program === undefined || config === undefined || !this.#isListening) return this.#exit(0);
    const state = this.#state ?? emptyState;
    const inheritance = { config, state, epoch: 0, ticketKeys: this.#ticketKeys };
    await outliveSupervisor({
      dir,
      program,
      nth: nth ?? 0,
      inheritance: () => ({ ...inheritance, handles: this.#inherited }),
      last: this.#last(),
    });
    await proxy?.retire(orphanGraceMs);
    this.#exit(0);
  }
}

const withoutRotation = ({ path, query, fields }: AccessLogSettings): AccessLogSettings => ({
  path,
  ...(query && { query }),
  ...(fields && { fields }),
});
