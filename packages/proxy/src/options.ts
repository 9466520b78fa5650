import type { Peer } from './client-side.ts';
import type { DrainOptions } from './drain.ts';
import type { EjectionOptions } from './ejection.ts';
import type { Observer } from './events.ts';
import type { ProxySettings } from './policy.ts';
import type { RouteTable } from './route.ts';
import type { ProxyTimeouts } from './settings.ts';
import type { RawFields } from './upstream.ts';

/** A well-formed request before it is routed. */
export interface PlainRequest {
  readonly method: string;
  /** Lower-case, without port; undefined only for HTTP/1.0 without Host. */
  readonly host: string | undefined;
  /** With the query, as on the wire. */
  readonly path: string;
  readonly peer: Peer;
}

export interface OwnAnswer {
  readonly status: number;
  /** Names and values in turn, without Content-Length. */
  readonly fields: RawFields;
  readonly body?: string;
}

export type Before = (request: PlainRequest) => OwnAnswer | undefined;

export interface ProxyOptions extends ProxySettings {
  /** 0 takes a free one; see `Proxy.address`. */
  readonly port: number;
  /** Address to listen on; every one when left out. */
  readonly bind?: string;
  readonly onEvent?: Observer;
  /**
   * Sees every well-formed request (not WebSocket ones) before it is routed, and may answer it.
   * The place for challenges and health checks of the proxy itself.
   */
  readonly before?: Before;
  readonly timeouts?: Partial<ProxyTimeouts>;
  /** When a target that cannot be reached is left out, and for how long. */
  readonly ejection?: Partial<EjectionOptions>;
  /** Who is chosen among equals; `Math.random` when left out. */
  readonly random?: () => number;
  /** Monotonic milliseconds, for ejections and held requests; `performance.now` when left out. */
  readonly now?: () => number;
}

export interface ProxyAddress {
  readonly host: string;
  readonly port: number;
}

export interface Proxy {
  /** Where it listens; throws `ORCA_PROXY_NOT_LISTENING` before `listen()` has resolved. */
  readonly address: ProxyAddress;
  /**
   * Puts a table in force for every request from now on; what is in flight goes on. Throws
   * `ORCA_PROXY_TABLE_INVALID` and changes nothing when the table contradicts itself.
   */
  replace(next: RouteTable): void;
  /**
   * Puts settings in force for every request from now on, in place of all former ones. Throws
   * `ORCA_PROXY_SETTINGS_INVALID` and changes nothing when they cannot be meant.
   */
  configure(next: ProxySettings): void;
  /**
   * Resolves once nothing is in flight to a target that the table no longer has: requests that
   * end in time end well, the rest is cut. Upgraded connections get a shorter grace of their own.
   */
  drain(targetId: string, options: DrainOptions): Promise<void>;
  /** Rejects with the system's own error, such as `EADDRINUSE`. */
  listen(): Promise<void>;
  /** Takes no more connections, lets what is in flight end within the grace (10 s), then cuts it. */
  close(graceMs?: number): Promise<void>;
}
