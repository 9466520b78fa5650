import { engineMessage } from './engine.ts';
import { RuntimeError } from './errors.ts';
import type { Seen } from './seen.ts';

/** A host port in use is the commonest reason why a container does not start: it is said in words. */
export const startError = (seen: Seen, error: unknown): unknown => {
  const message = engineMessage(Error.isError(error) && error.cause !== undefined ? error.cause : error);
  const port = /(?:Bind for |listen (?:tcp|udp)\d? )(\S+?):? (?:failed|bind)/.exec(message)?.[1];
  if (!/port is already allocated|address already in use/.test(message)) return error;
  return new RuntimeError(
    'ORCA_RUNTIME_PORT_IN_USE',
    `${seen.service}: host port ${port ?? ''} is already in use; free it or change extra_ports`,
    { retryable: false, cause: error },
  );
};
