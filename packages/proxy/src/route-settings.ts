/**
 * What a route may ask for beyond being forwarded. Plain data, so that it can cross a process
 * boundary; everything is off unless it is given.
 */
export interface RouteSettings {
  /** Whose route it is: a label in log and metrics. Host and prefix name it otherwise. */
  readonly service?: string;
  readonly limits?: RouteLimits;
  readonly timeouts?: RouteTimeouts;
  /**
   * What becomes of plain HTTP for a host with a certificate (`RouteTable.httpsHosts`):
   * `redirect` (308, the default), or served like HTTPS when `optional`.
   */
  readonly https?: 'redirect' | 'optional';
  /** Strict-Transport-Security on HTTPS responses that have none of their own. */
  readonly hsts?: Hsts;
  /** Compresses responses that are worth it. Leave it off where a page shows secrets next to input (BREACH). */
  readonly compress?: boolean;
  /**
   * Refuses paths that an application may read as another path: dot segments, `\`, and the
   * escapes of `.`, `/` and `\`. For a prefix that decides who may see what lies beside it.
   */
  readonly strictPath?: boolean;
}

export interface RouteLimits {
  /** The largest request body in bytes; more is answered with 413. */
  readonly maxBodyBytes?: number;
  /** How often one client may ask; more is answered with 429. Counted in each process on its own. */
  readonly rate?: RateLimit;
}

/** Instead of the proxy's own, in milliseconds; 0 waits for ever. */
export interface RouteTimeouts {
  /** From the request's last byte to the response's head. */
  readonly responseHeadersMs?: number;
  /** Silence inside a response body; event streams and upgraded connections have none. */
  readonly responseIdleMs?: number;
}

export interface RateLimit {
  /** How many requests in `perMs`, evenly spread. */
  readonly requests: number;
  readonly perMs: number;
  /** How many may come at once; `requests` when left out. */
  readonly burst?: number;
}

/** RFC 6797 §6.1. */
export interface Hsts {
  readonly maxAgeSeconds: number;
  readonly includeSubDomains?: boolean;
  readonly preload?: boolean;
}
