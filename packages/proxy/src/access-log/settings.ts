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
