import { homeOf, type Context, type GlobalOptions } from '../context.ts';

export interface ServerCommandOptions extends GlobalOptions {
  readonly apiPort: number | undefined;
  readonly proxyPort: number | undefined;
  readonly httpsPort: number | undefined;
}

/** Runs the control plane in the foreground; its code is loaded only here, so that other commands start fast. */
export const server = async (
  context: Context,
  { dir, apiPort, proxyPort, httpsPort }: ServerCommandOptions,
): Promise<number> => {
  const { runServer } = await import('@orca/server');
  return runServer({
    dir,
    home: homeOf(context),
    version: context.version,
    env: context.env,
    cwd: context.cwd,
    stdout: context.stdout,
    signal: context.signal,
    ...(apiPort === undefined ? {} : { apiPort }),
    ...(proxyPort === undefined ? {} : { proxyPort }),
    ...(httpsPort === undefined ? {} : { httpsPort }),
  });
};
