import type { WireIssue } from './contract.ts';

/** A refused or failed call, as the wire tells it. */
export class ApiError extends Error {
  override readonly name: string = 'ApiError';
  readonly code = 'ORCA_API';
  /** HTTP status. */
  readonly status: number;
  readonly issues: readonly WireIssue[];
  constructor(
    status: number,
    message: string,
    options: { readonly issues?: readonly WireIssue[]; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.status = status;
    this.issues = options.issues ?? [];
  }
}
