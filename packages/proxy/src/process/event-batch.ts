import type { ProxyEvent } from '../events.ts';
import { codeOf } from './calls.ts';

export interface EventBatch {
  readonly events: readonly object[];
  /** Further ones that were too many to tell. */
  readonly dropped: number;
}

const everyMs = 200;
/** Whoever floods the proxy must not flood its log as well. */
const maxInBatch = 50;

/** Collects events and hands them on now and then, no more than so many a second. */
export const batchEvents = (hand: (batch: EventBatch) => void): ((event: ProxyEvent) => void) => {
  let events: object[] = [];
  let dropped = 0;
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    timer = undefined;
    hand({ events, dropped });
    [events, dropped] = [[], 0];
  };
  return (event) => {
    if (events.length < maxInBatch) events.push(plain(event));
    else dropped += 1;
    timer ??= setTimeout(flush, everyMs).unref();
  };
};

/** Errors do not cross processes; their code and text do. */
const plain = (event: ProxyEvent): object =>
  'cause' in event && Error.isError(event.cause)
    ? { ...event, cause: { code: codeOf(event.cause), message: event.cause.message } }
    : event;
