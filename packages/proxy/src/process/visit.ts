import type { Calls } from './calls.ts';
import { connectTo } from './connect.ts';
import { placeIn } from './place.ts';
import { readStatus, type ProxyStatus } from './status.ts';

/** How the proxy of a directory is, without controlling it; `undefined` when none runs. */
export const proxyStatus = (dir: string): Promise<ProxyStatus | undefined> =>
  visit(dir, async (calls) => readStatus(await calls.call('status', {})));

/** Ends the proxy of a directory, and resolves when its processes have ended; false when none runs. */
export const stopProxy = async (dir: string, graceMs: number): Promise<boolean> => {
  const isStopped = await visit(dir, async (calls) => {
    await calls.call('stop', { graceMs });
    await calls.ended;
    return true;
  });
  return isStopped ?? false;
};

const visit = async <T>(dir: string, ask: (calls: Calls) => Promise<T>): Promise<T | undefined> => {
  const calls = await connectTo(placeIn(dir), {});
  if (calls === undefined) return undefined;
  try {
    await calls.call('hello', { role: 'visitor' });
    return await ask(calls);
  } finally {
    calls.end();
  }
};
