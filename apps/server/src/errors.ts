export type ServerErrorCode =
  | 'ORCA_SERVER_NO_INFRA'
  | 'ORCA_SERVER_BAD_CONFIG'
  | 'ORCA_SERVER_ALREADY_RUNNING'
  | 'ORCA_SERVER_PORT_UNAVAILABLE'
  | 'ORCA_SERVER_PROXY'
  | 'ORCA_SERVER_HOME'
  /** A deploy or stop that was not begun. */
  | 'ORCA_SERVER_NOT_WRITTEN';

/** Why the server cannot start, or do what is asked of it; the message says what to do. */
export class ServerError extends Error {
  override readonly name: string = 'ServerError';
  readonly code: ServerErrorCode;
  constructor(code: ServerErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.code = code;
  }
}
