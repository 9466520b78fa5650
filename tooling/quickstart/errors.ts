export type QuickstartErrorCode =
  | 'ORCA_QUICKSTART_COMMAND'
  | 'ORCA_QUICKSTART_SERVER'
  | 'ORCA_QUICKSTART_PAGE'
  | 'ORCA_QUICKSTART_USAGE';

/** The quickstart cannot go on. The message says why, and where to look. */
export class QuickstartError extends Error {
  override readonly name: string = 'QuickstartError';
  readonly code: QuickstartErrorCode;

  constructor(code: QuickstartErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}
