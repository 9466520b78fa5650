import { RuntimeError } from './errors.ts';

/** A stranger holds the name: it stays untouched, and only its owner can make room. */
export const nameTaken = (
  name: string,
  { holder = '', cause }: { readonly holder?: string; readonly cause?: unknown },
): RuntimeError =>
  new RuntimeError(
    'ORCA_RUNTIME_NAME_TAKEN',
    `the name ${name} is held by a container that orca did not make${holder}; rename or remove it`,
    { retryable: false, ...(cause === undefined ? {} : { cause }) },
  );
