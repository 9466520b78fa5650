import { createProxy } from '../create-proxy.ts';
import { ProxyError } from '../errors.ts';
import type { ListenHandles, Proxy } from '../options.ts';
import { parseState, putInForce, type ProxyState } from '../state.ts';
import { codeOf, createCalls, membersOf, type Calls } from './calls.ts';
import { parseConfig } from './config.ts';
import { batchEvents } from './event-batch.ts';
import type { Line } from './line.ts';
import { protocol } from './protocol.ts';

/** Ends the process once nothing is left to do. */
export type Exit = (code: number) => void;

/** One process that serves: does what its supervisor says, over the line to it. */
export const runWorker = (line: Line, exit: Exit): void => {
  let proxy: Proxy | undefined;
  let state: ProxyState | undefined;
  const handles = new Map<string, object>();
  const serving = (): Proxy => {
    if (proxy === undefined) throw new ProxyError('ORCA_PROXY_PROTOCOL', 'the worker was not started');
    return proxy;
  };
  const calls: Calls = createCalls(line, {
    start: (params) => {
      const { http, https, timeouts = {} } = parseConfig(membersOf(params)['config']);
      const onEvent = batchEvents((batch) => calls.note('events', batch));
      proxy = createProxy({ ...http, timeouts, onEvent, ...(https && { https }) });
    },
    tickets: (params) => serving().setTicketKeys(Buffer.from(String(membersOf(params)['keys']), 'base64')),
    state: (params) => {
      state = parseState(params);
      return { refused: putInForce(serving(), state) };
    },
    handle: (params, { handle }) => {
      if (typeof handle === 'object' && handle !== null) handles.set(String(membersOf(params)['door']), handle);
    },
    listen: () => listen(serving(), handles),
    drain: async (params, { signal }) => {
      const { targetId, timeoutMs } = membersOf(params);
      await serving().drain(String(targetId), { timeoutMs: Number(timeoutMs), signal });
    },
    ping: () => ({ residentBytes: process.memoryUsage.rss() }),
    retire: async (params) => {
      await proxy?.retire(Number(membersOf(params)['graceMs']));
      exit(0);
    },
    close: async (params) => {
      await proxy?.close(Number(membersOf(params)['graceMs']));
      exit(0);
    },
  });
  void line.ended.then(() => exit(0));
  calls.note('ready', { protocol });
};

const listen = async (proxy: Proxy, handles: ReadonlyMap<string, object>): Promise<void> => {
  const [http, https] = [handles.get('http'), handles.get('https')];
  if (http === undefined) throw new ProxyError('ORCA_PROXY_PROTOCOL', 'no listening handle came along');
  try {
    await proxy.listen({ http, ...(https && { https }) } satisfies ListenHandles);
  } catch (cause) {
    throw new ProxyError('ORCA_PROXY_PORT_UNAVAILABLE', `cannot listen: ${codeOf(cause) ?? String(cause)}`, { cause });
  }
};
