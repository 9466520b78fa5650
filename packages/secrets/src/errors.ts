export type SecretsErrorCode =
  /** A name that no reference could ever spell. */
  | 'ORCA_SECRETS_NAME_INVALID'
  /** A value that could not be given back as it was. */
  | 'ORCA_SECRETS_VALUE_INVALID'
  /** There are secrets, but not the key they were sealed with. */
  | 'ORCA_SECRETS_KEY_MISSING'
  /** Others may read or replace the key. */
  | 'ORCA_SECRETS_KEY_UNSAFE'
  /** The key file holds something else. */
  | 'ORCA_SECRETS_KEY_INVALID'
  /** The key is protected by a passphrase, and that is not there or is another one. */
  | 'ORCA_SECRETS_KEY_LOCKED'
  /** A good key, but not the one these secrets were sealed with. */
  | 'ORCA_SECRETS_KEY_WRONG'
  /** Not a secrets file of a format this version reads. */
  | 'ORCA_SECRETS_FILE_INVALID'
  /** The right key, but somebody else changed the file. */
  | 'ORCA_SECRETS_FILE_TAMPERED'
  /** Whole and genuine, but older than what was seen here before. */
  | 'ORCA_SECRETS_OLDER'
  /** Git keeps a key, or values that were written out. */
  | 'ORCA_SECRETS_TRACKED'
  /** Another writer holds the file. */
  | 'ORCA_SECRETS_BUSY'
  /** The disk refused. The file is whole: the old one, unless only its directory could not be synced. */
  | 'ORCA_SECRETS_IO';

/** Recognise it by `code`. Its message never holds a value or a key. */
export class SecretsError extends Error {
  override readonly name: string = 'SecretsError';
  readonly code: SecretsErrorCode;
  constructor(code: SecretsErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options);
    this.code = code;
  }
}

export const hasCode = (error: unknown, code: string): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === code;
