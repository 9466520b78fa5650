declare const ORCA_VERSION: string | undefined;

/** The release, put in by the build; `dev` when the sources run themselves. */
export const version: string = typeof ORCA_VERSION === 'string' ? ORCA_VERSION : '0.0.0-dev';
