import type { AccessLogSettings } from './access-log/settings.ts';
import type { Peer } from './client-side.ts';
import type { DrainOptions } from './drain.ts';
import type { EjectionOptions } from './ejection.ts';
import type { Observer } from './events.ts';
import type { HttpChallenges } from './http-challenges.ts';
import type { MetricsSnapshot } from './metrics/snapshot.ts';
import type { ProxySettings } from './policy.ts';
import type { RouteTable } from './route.ts';
import type { ProxyLimits, ProxyTimeouts } from './settings.ts';
import type { Certificate, RefusedCertificate } from './tls/certificates.ts';
import type { ChallengeCertificate } from './tls/challenges.ts';
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

/** The HTTPS side. Certificates come with `setCertificates`; until then there is a self-signed one. */
export interface HttpsOptions {
  /** 0 takes a free one; see `Proxy.httpsAddress`. */
  readonly port: number;
  /** Like `ProxyOptions.bind`, which it replaces for this port. */
  readonly bind?: string;
  /**
   * What a client gets that names a server without a certificate: the default one (self-signed
   * unless a certificate is marked as default), or a refused handshake. A client that names none
   * always gets the default.
   */
  readonly unknownNames?: 'default' | 'refuse';
  /** Offers HTTP/2; on unless switched off. */
  readonly http2?: boolean;
  /** Like `ProxyOptions.proxyProtocolFrom`, for this port. */
  readonly proxyProtocolFrom?: readonly string[];
  /**
   * Answers 421 when a request names a host that the connection's certificate is not for. Off,
   * such a request is served: no route depends on who the client is.
   */
  readonly refuseMisdirected?: boolean;
}

export interface ProxyOptions extends ProxySettings {
  /** 0 takes a free one; see `Proxy.address`. */
  readonly port: number;
  /** Address to listen on; every one when left out. */
  readonly bind?: string;
  readonly https?: HttpsOptions;
  /**
   * Networks of load balancers that say who their clients are by the PROXY protocol, version 1 or
   * 2. From these it is demanded; from everybody else it is refused. None by default.
   */
  readonly proxyProtocolFrom?: readonly string[];
  readonly limits?: Partial<ProxyLimits>;
  readonly onEvent?: Observer;
  /**
   * Sees every well-formed request (not WebSocket ones) before it is routed, and may answer it.
   * The place for challenges and health checks of the proxy itself.
   */
  readonly before?: Before;
  readonly timeouts?: Partial<ProxyTimeouts>;
  readonly accessLog?: AccessLogSettings;
  /** Milliseconds since the epoch, for the access log; the system's own by default. */
  readonly wallClock?: () => number;
  /** When a target that cannot be reached is left out, and for how long. */
  readonly ejection?: Partial<EjectionOptions>;
  /** Who is chosen among equals; `Math.random` when left out. */
  readonly random?: () => number;
  /** Monotonic milliseconds, for ejections and held requests; `performance.now` when left out. */
  readonly now?: () => number;
}

/**
 * Listening handles for each port of the proxy. Several of the same socket (each time a handle is
 * sent to a process it gets another) let it take as many connections in a turn of its loop.
 */
export interface ListenHandles {
  readonly http: readonly object[];
  /** Needed where the proxy has HTTPS. */
  readonly https?: readonly object[];
}

export interface ProxyAddress {
  readonly host: string;
  readonly port: number;
}

export interface Proxy {
  /** Where it listens; throws `ORCA_PROXY_NOT_LISTENING` before `listen()` has resolved. */
  readonly address: ProxyAddress;
  /** It was made with an HTTPS side. */
  readonly hasHttps: boolean;
  /** The same for HTTPS; `undefined` before `listen()` has resolved, and without HTTPS. */
  readonly httpsAddress: ProxyAddress | undefined;
  /**
   * Puts certificates in force for every handshake from now on, in place of all former ones; no
   * connection notices. One that cannot be served is returned with the reason: what its names
   * were served with before stays, and so do all others.
   */
  setCertificates(certificates: readonly Certificate[]): readonly RefusedCertificate[];
  /**
   * The tls-alpn-01 challenges that are live, in place of all former ones. Throws
   * `ORCA_PROXY_SETTINGS_INVALID` and changes nothing when one cannot be read.
   */
  setChallengeCertificates(challenges: readonly ChallengeCertificate[]): void;
  /** 48 secret bytes that seal session tickets, for proxies that share a port. Without it each makes its own, daily. */
  setTicketKeys(keys: Buffer): void;
  /**
   * Changes limits for every connection from now on; those not named become the defaults. Throws
   * `ORCA_PROXY_SETTINGS_INVALID` and changes nothing when one of them is out of range.
   */
  setLimits(limits: Partial<ProxyLimits>): void;
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
  /** Answers these challenges from now on, and no others. */
  setChallenges(next: HttpChallenges): void;
  /** What was counted since the proxy was made; see `formatMetrics`. */
  metrics(): MetricsSnapshot;
  /** Goes on in the file that has the access log's path now; resolves when it does. */
  reopenLog(): Promise<void>;
  /**
   * Resolves once nothing is in flight to a target that the table no longer has: requests that
   * end in time end well, the rest is cut. Upgraded connections get a shorter grace of their own.
   */
  drain(targetId: string, options: DrainOptions): Promise<void>;
  /**
   * On the ports of the options, or on handles that this process was given (see
   * `server.listen(handle)` of node:net). Rejects with the system's own error, such as `EADDRINUSE`.
   */
  listen(handles?: ListenHandles): Promise<void>;
  /**
   * For a proxy whose heir listens on the same handle: takes no more connections and cuts
   * none. Each ends after its next response, or when it is idle for too long; resolves when all
   * have ended. Past the grace the rest is cut.
   */
  retire(graceMs: number): Promise<void>;
  /** Takes no more connections, lets what is in flight end within the grace (10 s), then cuts it. */
  close(graceMs?: number): Promise<void>;
}
