import { ProxyError } from '../errors.ts';

/** Plain data. */
export interface AccessLogSettings {
  /** One JSON object a line, appended; several processes may write to one file. */
  readonly path: string;
  /**
   * Turns the file over when it is large. Leave it out where several processes write: then one
   * owner does it (`createLogRotator`) and tells the others to `reopenLog`.
   */
  readonly rotation?: LogRotation;
  /** What becomes of a query's values, which hold codes and tokens: `hide` them (the default), `keep` them, or `drop` the query. */
  readonly query?: 'hide' | 'keep' | 'drop';
  /**
   * Request fields to log, such as `user-agent`. Of credentials only what is no secret is
   * written: a cookie's name, an authorisation's scheme.
   */
  readonly fields?: readonly string[];
}

export interface LogRotation {
  /** When the file is turned over; it may grow past this by what comes within a second. */
  readonly maxBytes: number;
  /** How many former files stay: `path.1` is the youngest. */
  readonly keep: number;
}

/** Takes settings from another process or from a file; throws `ORCA_PROXY_SETTINGS_INVALID` when they cannot be meant. */
export const parseAccessLog = (value: unknown): AccessLogSettings => {
  const { path, rotation, query, fields }: Partial<Record<keyof AccessLogSettings, unknown>> = { ...Object(value) };
  if (typeof path !== 'string' || path === '') throw invalid('path');
  if (query !== undefined && query !== 'hide' && query !== 'keep' && query !== 'drop') throw invalid('query');
  if (fields !== undefined && !isListOfText(fields)) throw invalid('fields');
  return {
    path,
    ...(rotation === undefined ? {} : { rotation: parseRotation(rotation) }),
    ...(query === undefined ? {} : { query }),
    ...(fields === undefined ? {} : { fields }),
  };
};

const parseRotation = (value: unknown): LogRotation => {
  const { maxBytes, keep }: Partial<Record<keyof LogRotation, unknown>> = { ...Object(value) };
  if (!isCount(maxBytes) || !isCount(keep)) throw invalid('rotation');
  return { maxBytes, keep };
};

const isListOfText = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((one) => typeof one === 'string');

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 1;

const invalid = (part: string): ProxyError =>
  new ProxyError('ORCA_PROXY_SETTINGS_INVALID', `the access log has no usable ${part}`);
