export type RuntimeErrorCode =
  | 'ORCA_RUNTIME_UNREACHABLE'
  | 'ORCA_RUNTIME_TIMEOUT'
  | 'ORCA_RUNTIME_IMAGE_NOT_FOUND'
  | 'ORCA_RUNTIME_IMAGE_DENIED'
  | 'ORCA_RUNTIME_REGISTRY_UNREACHABLE'
  | 'ORCA_RUNTIME_DISK_FULL'
  | 'ORCA_RUNTIME_NAME_TAKEN'
  | 'ORCA_RUNTIME_PORT_IN_USE'
  | 'ORCA_RUNTIME_NOT_FOUND'
  | 'ORCA_RUNTIME_SECRET_FILES'
  | 'ORCA_RUNTIME_NOT_READY'
  | 'ORCA_RUNTIME_EXITED'
  | 'ORCA_RUNTIME_ENGINE';

/** The engine, a registry or a container did not do what was asked; the message says which, and what to do. */
export class RuntimeError extends Error {
  override readonly name: string = 'RuntimeError';
  readonly code: RuntimeErrorCode;
  /** The same call may succeed later without new input. */
  readonly retryable: boolean;
  constructor(
    code: RuntimeErrorCode,
    message: string,
    options: { readonly retryable: boolean; readonly cause?: unknown },
  ) {
    super(message, { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable;
  }
}
