import { setTimeout as sleep } from 'node:timers/promises';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import type { Engine } from './engine.ts';
import { label } from './labels.ts';

/** Something that happened in the engine. A hint: events are lost when the engine restarts, and never repeated. */
export type EngineEvent =
  /** Events flow from now on; what happened before was not heard. */
  | { readonly type: 'connected' }
  | { readonly type: 'disconnected'; readonly reason: string }
  | {
      readonly type: 'changed';
      readonly containerId: string;
      /** `undefined` when the event does not tell, as for networks. */
      readonly service: string | undefined;
      /** The engine's word: `start`, `die`, `oom`, `pause`, `rename`, `update`, `destroy`, `disconnect` … */
      readonly action: string;
      readonly exitCode: number | undefined;
    };

const containerActions = ['create', 'start', 'kill', 'die', 'oom', 'pause', 'unpause', 'rename', 'update', 'destroy'];
const networkActions = ['disconnect'];
/** A stream that is silent for so long may be dead without having ended. */
const defaultSilentMs = 60_000;
const firstRetryMs = 250;
const maxRetryMs = 10_000;

export interface WatchOptions {
  readonly cluster: string;
  readonly onEvent: (event: EngineEvent) => void;
  readonly signal: AbortSignal;
  /** Default 60 s. */
  readonly silentMs?: number;
}

/** Tells of events of this cluster's containers until the signal; reconnects by itself. */
export const watchEngine = async (engine: Engine, options: WatchOptions): Promise<void> => {
  const { onEvent, signal } = options;
  let retryMs = firstRetryMs;
  while (!signal.aborted) {
    const begun = performance.now();
    try {
      await readEvents(engine, options);
      if (signal.aborted) return;
      onEvent({ type: 'disconnected', reason: 'the engine ended the stream of events' });
    } catch (error) {
      if (signal.aborted) return;
      onEvent({ type: 'disconnected', reason: Error.isError(error) ? error.message : String(error) });
    }
    // A stream that ends as soon as it begins would cost a full look each time.
    retryMs = performance.now() - begun > maxRetryMs ? firstRetryMs : Math.min(maxRetryMs, retryMs * 2);
    await sleep(retryMs, undefined, { signal, ref: false }).catch(() => undefined);
  }
};

const readEvents = async (
  engine: Engine,
  { cluster, onEvent, signal, silentMs = defaultSilentMs }: WatchOptions,
): Promise<void> => {
  const filters = JSON.stringify({ type: ['container', 'network'], event: [...containerActions, ...networkActions] });
  const stream = await engine.call('events', 15_000, async (docker) => asReadable(await docker.getEvents({ filters })));
  const end = (): void => void stream.destroy();
  // Asked to end while the call was under way: nobody would end it any more.
  if (signal.aborted) return end();
  signal.addEventListener('abort', end, { once: true });
  let silence: NodeJS.Timeout | undefined;
  const heard = (): void => {
    clearTimeout(silence);
    silence = setTimeout(end, silentMs).unref();
  };
  try {
    onEvent({ type: 'connected' });
    heard();
    const lines = createInterface({ input: stream, crlfDelay: Infinity });
    // The reader of lines only knows of a stream that ends: one that is destroyed would be waited for for ever.
    stream.once('close', () => lines.close());
    stream.once('error', () => lines.close());
    for await (const line of lines) {
      heard();
      const event = parseEvent(line, cluster);
      if (event !== undefined) onEvent(event);
    }
  } finally {
    clearTimeout(silence);
    signal.removeEventListener('abort', end);
    stream.destroy();
  }
};

const asReadable = (stream: unknown): Readable => {
  if (stream instanceof Readable) return stream;
  throw new Error('the stream of events cannot be closed');
};

/** `undefined` for what concerns nobody of this cluster, and for what cannot be read. */
export const parseEvent = (line: string, cluster: string): EngineEvent | undefined => {
  const event = asRecord(parseJson(line));
  const actor = asRecord(event?.['Actor']);
  const attributes = asRecord(actor?.['Attributes']) ?? {};
  const action = text(event?.['Action']);
  if (action === undefined) return undefined;
  if (event?.['Type'] === 'network') {
    const containerId = text(attributes['container']);
    return containerId === undefined
      ? undefined
      : { type: 'changed', containerId, service: undefined, action, exitCode: undefined };
  }
  const containerId = text(actor?.['ID']);
  if (containerId === undefined || attributes[label.cluster] !== cluster) return undefined;
  const exitCode = text(attributes['exitCode']);
  return {
    type: 'changed',
    containerId,
    service: text(attributes[label.service]),
    action,
    exitCode: exitCode === undefined ? undefined : Number(exitCode),
  };
};

const parseJson = (line: string): unknown => {
  try {
    return JSON.parse(line);
  } catch {
    // Cut in the middle: the stream ended, and a full look follows.
    return undefined;
  }
};

const asRecord = (value: unknown): Readonly<Record<string, unknown>> | undefined =>
  typeof value === 'object' && value !== null ? { ...value } : undefined;

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
