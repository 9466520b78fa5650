import { ProxyError } from '../errors.ts';
import { withoutRefused, type ProxyState } from '../state.ts';
import type { RefusedCertificate } from '../tls/certificates.ts';
import { codeOf, membersOf, type Calls } from './calls.ts';
import type { ProxyConfig } from './config.ts';
import type { Program } from './heir.ts';
import { eachOf, handlesPerWorker, type Handles } from './listening-handle.ts';
import type { Log } from './log.ts';
import type { MetricsSnapshot } from '../metrics/snapshot.ts';
import { Queue } from './queue.ts';
import { readRefused } from './refused.ts';
import { Tally } from './tally.ts';
import type { Tickets } from './tickets.ts';
import { startWorkerProcess, type WorkerProcess } from './worker-process.ts';

export interface PoolOptions {
  /** The program of a worker. */
  readonly entry: string;
  readonly log: Log;
  readonly onEvents: (batch: unknown) => void;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly timing?: Partial<PoolTiming>;
  readonly tickets: Tickets;
  /** What a worker needs to start another supervisor when this one dies. */
  readonly dir: string;
  readonly program: Program;
}

export interface PoolTiming {
  readonly pingEveryMs: number;
  /** A worker that is silent for so long is killed, and replaced. */
  readonly pingWithinMs: number;
  /** How long workers that were replaced may go on with what they have. */
  readonly retireMs: number;
}

const defaultTiming: PoolTiming = { pingEveryMs: 2_000, pingWithinMs: 10_000, retireMs: 10 * 60_000 };

const startWithinMs = 30_000;
const applyWithinMs = 10_000;
/** Somebody does not want to wait. */
const cutWithinMs = 1_000;
const maxBackoffMs = 10_000;
/** After so long a worker counts as sound, and its next end as the first. */
const soundAfterMs = 60_000;

/** Workers that were started alike; a crashed one is replaced by another of its generation. */
interface Generation {
  readonly config: ProxyConfig;
  readonly handles: Handles;
  isRetired: boolean;
}

interface Member {
  readonly worker: WorkerProcess;
  readonly generation: Generation;
  readonly startedAt: number;
  hasState: boolean;
  isServing: boolean;
  residentBytes: number;
}

export interface WorkerReport {
  readonly pid: number;
  /** It takes new connections; otherwise it starts, or ends what it has. */
  readonly isServing: boolean;
  readonly residentBytes: number;
}

/** The workers of one supervisor: started, fed, watched, replaced. */
export class Pool {
  readonly #o: PoolOptions;
  readonly #timing: PoolTiming;
  readonly #members = new Set<Member>();
  /** Whole supervisors that end, with workers of their own. */
  readonly #elders = new Set<Calls>();
  readonly #tally = new Tally();
  /** Those whose workers are being started. */
  readonly #arming = new Set<Generation>();
  #generation: Generation | undefined;
  /** What a worker that starts now is told; and what all of them have taken, which is the same unless one is on its way. */
  #state: ProxyState;
  #applied: ProxyState;
  readonly #replacing = new Queue();
  #ticking: NodeJS.Timeout | undefined;
  #lastTick: number;

  constructor(options: PoolOptions, state: ProxyState) {
    this.#o = options;
    this.#timing = { ...defaultTiming, ...options.timing };
    this.#state = state;
    this.#applied = state;
    options.tickets.onRotate((keys) => {
      for (const { worker, generation } of this.#members)
        if (generation.config.https !== undefined) worker.calls.call('tickets', { keys }).catch(() => undefined);
    });
    this.#lastTick = options.now();
  }

  /**
   * Starts workers of a configuration, and retires those before them once the new ones all
   * serve. When one of them cannot, the former ones go on as if nothing had been asked.
   */
  async serve(config: ProxyConfig, handles: Handles): Promise<void> {
    const generation: Generation = { config, handles, isRetired: false };
    this.#arming.add(generation);
    try {
      await this.#arm(generation);
    } finally {
      this.#arming.delete(generation);
    }
  }

  async #arm(generation: Generation): Promise<void> {
    const { config } = generation;
    const slots = Array.from({ length: config.workers }, (_, nth) => this.#start(generation, nth));
    const outcomes = await Promise.allSettled(slots);
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined || generation.isRetired) {
      generation.isRetired = true;
      for (const member of this.#of(generation)) member.worker.kill();
      throw failed?.reason ?? new ProxyError('ORCA_PROXY_UNREACHABLE', 'the proxy ends');
    }
    const former = this.#generation;
    this.#generation = generation;
    this.#ticking ??= setInterval(() => this.#watch(), this.#timing.pingEveryMs);
    for (const [nth, slot] of slots.entries()) void this.#keep(await slot, generation, nth);
    if (former !== undefined) this.#retire(former);
  }

  /**
   * Resolves when no worker serves by an older state any more, with the certificates that cannot be
   * served. When a worker cannot serve by it at all, every one goes back to the former state.
   */
  replace(state: ProxyState): Promise<readonly RefusedCertificate[]> {
    return this.#replacing.run(() => this.#replace(state));
  }

  async #replace(state: ProxyState): Promise<readonly RefusedCertificate[]> {
    this.#state = state;
    const answers = await Promise.allSettled(this.#announce(state));
    const fault = answers.find((answer) => answer.status === 'rejected');
    if (fault !== undefined) {
      this.#state = this.#applied;
      await Promise.allSettled(this.#announce(this.#applied));
      throw fault.reason;
    }
    const values = answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : undefined));
    const refused = readRefused(values.map((value) => membersOf(value)['refused']).find(Array.isArray));
    // A worker that starts later must show for their names what the others still do.
    this.#applied = refused.length === 0 ? state : withoutRefused(state, this.#applied, refused);
    this.#state = this.#applied;
    return refused;
  }

  /** Tells everybody; rejected are the answers of workers that refuse it. */
  #announce(state: ProxyState): readonly Promise<unknown>[] {
    const workers = [...this.#members].filter(({ hasState }) => hasState);
    return [
      ...workers.map(({ worker }) =>
        // One that does not answer is replaced: nobody can tell by which state it serves.
        unlessGone(worker.calls.call('state', state, { timeoutMs: applyWithinMs }), () => worker.kill()),
      ),
      ...[...this.#elders].map((elder) => this.#tell(elder.call('state', state))),
    ];
  }

  /** A predecessor ends what it has, by the states of this pool. */
  join(elder: Calls): void {
    this.#elders.add(elder);
    void elder.ended.then(() => {
      this.#elders.delete(elder);
      this.#tally.ended(elder);
    });
  }

  /** Resolves when nothing is in flight to the target in any worker, those that end included. */
  async drain(targetId: string, timeoutMs: number, signal: AbortSignal): Promise<void> {
    const drain = (calls: Calls): Promise<unknown> =>
      calls.call('drain', { targetId, timeoutMs }, { signal, timeoutMs: 0 });
    // With a worker ends what it had in flight.
    const drains = this.#workers.map((calls) => unlessGone(drain(calls)));
    const elders = [...this.#elders].map((elder) => this.#tell(drain(elder)));
    await Promise.all([...drains, ...elders]);
    signal.throwIfAborted();
  }

  /** The same for somebody who may not know the latest state. */
  adopt(elder: Calls): void {
    this.join(elder);
    void this.#tell(elder.call('state', this.#state));
  }

  /** What all workers serve by. */
  get state(): ProxyState {
    return this.#applied;
  }

  /** What all workers have counted, those that ended included. */
  metrics(): Promise<MetricsSnapshot> {
    return this.#tally.take(this.#served);
  }

  /** Makes every worker go on in the file that has the access log's path now. */
  async reopenLogs(): Promise<void> {
    await Promise.all(this.#served.map((calls) => this.#tell(calls.call('reopenLog', {}))));
  }

  report(): readonly WorkerReport[] {
    return [...this.#members].map(({ worker: { pid }, isServing, residentBytes }) => ({
      pid,
      isServing,
      residentBytes,
    }));
  }

  /** Ends all workers, letting what is in flight end within the grace. */
  async close(graceMs: number): Promise<void> {
    clearInterval(this.#ticking);
    for (const generation of this.#arming) generation.isRetired = true;
    if (this.#generation !== undefined) this.#generation.isRetired = true;
    this.#generation = undefined;
    await Promise.all([
      ...[...this.#members].map((member) => this.#end(member, 'close', graceMs)),
      ...[...this.#elders].map((elder) => this.#tell(elder.call('close', { graceMs }, { timeoutMs: 0 }))),
    ]);
  }

  /** Ends all workers when they have nothing left to do, for an heir that listens on the same handles. */
  async retire(): Promise<void> {
    if (this.#generation !== undefined) this.#retire(this.#generation);
    this.#generation = undefined;
    await Promise.all([
      ...[...this.#members].map(({ worker }) => worker.exited),
      ...[...this.#elders].map(({ ended }) => ended),
    ]);
    clearInterval(this.#ticking);
  }

  get #workers(): readonly Calls[] {
    return [...this.#members].filter(({ hasState }) => hasState).map(({ worker }) => worker.calls);
  }

  /** Everybody who may have something in flight. */
  get #served(): readonly Calls[] {
    return [...this.#workers, ...this.#elders];
  }

  /** One of another version may not understand, and ends anyway: a deploy does not fail for it. */
  async #tell(answer: Promise<unknown>): Promise<unknown> {
    try {
      return await answer;
    } catch (error) {
      if (codeOf(error) !== 'ORCA_PROXY_UNREACHABLE')
        this.#o.log.error('a predecessor that ends does not do as it is told', { reason: String(error) });
      return undefined;
    }
  }

  #of(generation: Generation): readonly Member[] {
    return [...this.#members].filter((member) => member.generation === generation);
  }

  async #start(generation: Generation, nth: number): Promise<WorkerProcess> {
    const worker = startWorkerProcess(this.#o);
    const member: Member = {
      worker,
      generation,
      startedAt: this.#o.now(),
      hasState: false,
      isServing: false,
      residentBytes: 0,
    };
    this.#members.add(member);
    void worker.exited.then(() => {
      this.#members.delete(member);
      this.#tally.ended(worker.calls);
    });
    try {
      await worker.ready;
      // Later states follow on the same line, in order.
      member.hasState = true;
      await this.#equip(worker.calls, generation, nth);
      member.isServing = true;
      return worker;
    } catch (error) {
      worker.kill();
      throw error;
    }
  }

  async #equip(calls: Calls, { config, handles }: Generation, nth: number): Promise<void> {
    const { dir, program } = this.#o;
    const patience = { timeoutMs: startWithinMs };
    await Promise.all([
      calls.call('start', { config, dir, nth, ...program }, patience),
      ...(config.https === undefined ? [] : [calls.call('tickets', { keys: this.#o.tickets.keys }, patience)]),
      calls.call('state', this.#state, patience),
      ...eachOf(handles).flatMap(([door, { handle, address }]) =>
        Array.from({ length: handlesPerWorker(config.workers) }, () =>
          calls.call('handle', { door, address }, { ...patience, handle }),
        ),
      ),
      calls.call('listen', {}, patience),
    ]);
  }

  /** Replaces a worker whenever it ends: at once, and then ever more slowly while it keeps ending early. */
  async #keep(first: WorkerProcess, generation: Generation, nth: number): Promise<void> {
    let worker: WorkerProcess | undefined = first;
    let failures = 0;
    for (;;) {
      const begun = this.#o.now();
      const how: string = await (worker?.exited ?? 'no start');
      if (generation.isRetired) return;
      failures = this.#o.now() - begun > soundAfterMs ? 0 : failures;
      const waitMs = failures === 0 ? 0 : Math.min(100 * 2 ** (failures - 1), maxBackoffMs);
      failures += 1;
      this.#o.log.error('a worker ended and is replaced', { pid: worker?.pid, how, waitMs });
      await new Promise((done) => setTimeout(done, waitMs));
      if (generation.isRetired) return;
      worker = await this.#start(generation, nth).catch((error: unknown) => {
        this.#o.log.error('a worker cannot be started', { reason: String(error) });
        return undefined;
      });
    }
  }

  #retire(generation: Generation): void {
    generation.isRetired = true;
    for (const member of this.#of(generation)) void this.#end(member, 'retire', this.#timing.retireMs);
  }

  async #end(member: Member, how: 'retire' | 'close', graceMs: number): Promise<void> {
    member.isServing = false;
    const { worker } = member;
    const late = setTimeout(() => worker.kill(), graceMs + (graceMs === 0 ? cutWithinMs : applyWithinMs));
    if (!member.hasState) worker.kill();
    // It answers by its end.
    worker.calls.call(how, { graceMs }, { timeoutMs: 0 }).then(
      (last) => this.#tally.note(worker.calls, last),
      () => undefined,
    );
    await worker.exited;
    clearTimeout(late);
  }

  #watch(): void {
    const now = this.#o.now();
    const late = now - this.#lastTick - this.#timing.pingEveryMs;
    this.#lastTick = now;
    // The whole machine stood still, or this process: that says nothing about the workers.
    if (late > this.#timing.pingEveryMs) return;
    for (const member of this.#members) if (member.hasState) void this.#ping(member);
  }

  async #ping(member: Member): Promise<void> {
    const { worker } = member;
    try {
      const answer = await worker.calls.call('ping', {}, { timeoutMs: this.#timing.pingWithinMs });
      member.residentBytes = Number(membersOf(answer)['residentBytes'] ?? 0);
    } catch {
      if (!this.#members.has(member)) return;
      this.#o.log.error('a worker does not answer and is killed', { pid: worker.pid });
      worker.kill();
    }
  }
}

const unlessGone = async (answer: Promise<unknown>, whenGone = (): void => undefined): Promise<unknown> => {
  try {
    return await answer;
  } catch (error) {
    if (codeOf(error) !== 'ORCA_PROXY_UNREACHABLE') throw error;
    whenGone();
    return undefined;
  }
};
