import { homeOf, type Context } from '../context.ts';

/** The proxy of this home, whether a server runs or not; 1 when there is none. */
export const showProxy = async (context: Context, { json }: { readonly json: boolean }): Promise<number> => {
  const { proxyStatus } = await import('@orca/server');
  const status = await proxyStatus(homeOf(context));
  const { stdout } = context;
  if (json) stdout.write(`${JSON.stringify(status ?? null)}\n`);
  else if (status === undefined) stdout.write('no proxy runs\n');
  else {
    const { http, routes, isControlled, workers, pid } = status;
    const where = http === undefined ? 'serves nothing yet' : `serves ${routes} routes on ${http.host}:${http.port}`;
    stdout.write(`proxy ${pid} ${where}; ${isControlled ? 'a server controls it' : 'no server controls it'}\n`);
    for (const worker of workers) {
      const mib = Math.round(worker.residentBytes / 1024 / 1024);
      stdout.write(`  worker ${worker.pid}  ${worker.isServing ? 'serves' : 'starts or ends'}  ${mib} MiB\n`);
    }
  }
  return status === undefined ? 1 : 0;
};

/** Ends it, whoever controls it; a server that runs starts it again. */
export const endProxy = async (
  context: Context,
  { graceSeconds }: { readonly graceSeconds: number },
): Promise<number> => {
  const { stopProxy } = await import('@orca/server');
  const isStopped = await stopProxy(homeOf(context), Math.round(graceSeconds * 1000));
  context.stdout.write(isStopped ? 'the proxy has ended; nothing listens on its port any more\n' : 'no proxy runs\n');
  return 0;
};
