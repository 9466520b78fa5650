import { createApiClient } from '@orca/api/client';
import type { ControlPlane } from '@orca/api';
import { apiUrl, readToken, type Context, type GlobalOptions } from './context.ts';

/** The server, as this command may speak to it. */
export const connect = (context: Context, options: GlobalOptions): ControlPlane => {
  const { token, source } = readToken(context);
  return createApiClient({ url: apiUrl(context, options), token, tokenSource: source });
};
