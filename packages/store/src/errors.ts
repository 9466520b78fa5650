export type StoreErrorCode =
  /** The database was damaged while it was open; opening it again moves it aside. */
  | 'ORCA_STORE_CORRUPT'
  /** It was written by a later version. */
  | 'ORCA_STORE_NEWER'
  /** Not something that JSON can hold. */
  | 'ORCA_STORE_VALUE_INVALID'
  /** Used after `close`. */
  | 'ORCA_STORE_CLOSED'
  /** The disk, or another process, refused. */
  | 'ORCA_STORE_IO';

/** Recognise it by `code`. */
export class StoreError extends Error {
  override readonly name: string = 'StoreError';
  readonly code: StoreErrorCode;
  constructor(code: StoreErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options);
    this.code = code;
  }
}
