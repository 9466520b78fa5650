export type StoreErrorCode = 'ORCA_STORE_UNREADABLE';

/** The records cannot be opened or written; the message names the file and what to do. */
export class StoreError extends Error {
  override readonly name: string = 'StoreError';
  readonly code: StoreErrorCode;
  constructor(code: StoreErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.code = code;
  }
}
