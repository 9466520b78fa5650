export type TestbedErrorCode =
  | 'ORCA_TESTBED_COMMAND_FAILED'
  | 'ORCA_TESTBED_ENGINE_UNAVAILABLE'
  | 'ORCA_TESTBED_IMAGE_UNAVAILABLE'
  | 'ORCA_TESTBED_PACKAGES_UNAVAILABLE'
  | 'ORCA_TESTBED_TIMEOUT';

/** A component that a test or the quickstart needs could not be had. The message says what to do about it. */
export class TestbedError extends Error {
  override readonly name: string = 'TestbedError';
  readonly code: TestbedErrorCode;

  constructor(code: TestbedErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}
