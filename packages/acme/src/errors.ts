import type { Problem } from './problem.ts';

export type AcmeErrorCode =
  /** The authority answered with a problem document (RFC 8555, section 6.7); it is in `problem`. */
  | 'ORCA_ACME_PROBLEM'
  /** No whole answer came: refused, reset, cut off, or too slow. */
  | 'ORCA_ACME_UNREACHABLE'
  /** An answer came, and it is not ACME. */
  | 'ORCA_ACME_PROTOCOL'
  /** Nothing that time heals: the message says what to configure. */
  | 'ORCA_ACME_CONFIG'
  /** The local clock cannot be trusted. */
  | 'ORCA_ACME_CLOCK'
  /** The name does not lead here, so the authority is not asked. */
  | 'ORCA_ACME_PREFLIGHT'
  /** A challenge could not be answered. */
  | 'ORCA_ACME_CHALLENGE'
  /** Certificate and key do not fit each other, the name or the time. */
  | 'ORCA_ACME_CERTIFICATE'
  /** Files cannot be written or read. */
  | 'ORCA_ACME_STORE'
  /** The order took longer than it may. */
  | 'ORCA_ACME_TIMEOUT';

export interface AcmeErrorOptions {
  readonly cause?: unknown;
  readonly problem?: Problem;
  /** Earliest time of a next try in milliseconds since the epoch, as the authority asked (`Retry-After`). */
  readonly retryAt?: number | undefined;
  /** The order it happened to is over: whatever the reason, it is not looked at again. */
  readonly endsOrder?: boolean;
}

/** Recognise it by `code`. Its message never holds a key or a token. */
export class AcmeError extends Error {
  override readonly name: string = 'AcmeError';
  readonly code: AcmeErrorCode;
  readonly problem: Problem | undefined;
  readonly retryAt: number | undefined;
  readonly endsOrder: boolean;
  constructor(code: AcmeErrorCode, message: string, options: AcmeErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.code = code;
    this.problem = options.problem;
    this.retryAt = options.retryAt;
    this.endsOrder = options.endsOrder ?? false;
  }
}

/** By its fields, not its class: another copy of this package may have made it. */
export const isAcmeError = (error: unknown): error is AcmeError =>
  typeof error === 'object' &&
  error !== null &&
  'code' in error &&
  typeof error.code === 'string' &&
  error.code.startsWith('ORCA_ACME_');

export const hasCode = (error: unknown, code: string): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === code;

export const messageOf = (error: unknown): string => (Error.isError(error) ? error.message : String(error));
