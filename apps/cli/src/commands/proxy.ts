import { homeOf, type Context } from '../context.ts';
import { endedLine, proxyLines } from '../render/proxy-lines.ts';

/** The proxy of this home, whether a server runs or not; 1 when there is none. */
export const showProxy = async (context: Context, { json }: { readonly json: boolean }): Promise<number> => {
  const { proxyStatus } = await import('@orca/server');
  const status = await proxyStatus(homeOf(context));
  context.stdout.write(`${json ? JSON.stringify(status ?? null) : proxyLines(status).join('\n')}\n`);
  return status === undefined ? 1 : 0;
};

/** Ends it, whoever controls it; a server that runs starts it again. */
export const endProxy = async (
  context: Context,
  { graceSeconds }: { readonly graceSeconds: number },
): Promise<number> => {
  const { proxyStatus, stopProxy } = await import('@orca/server');
  const home = homeOf(context);
  const before = await proxyStatus(home);
  const isStopped = await stopProxy(home, Math.round(graceSeconds * 1000));
  context.stdout.write(`${endedLine(before, isStopped)}\n`);
  return 0;
};
