/** All in milliseconds; 0 where it says what that means. Each default is the one to keep unless a client or a target needs otherwise. */
export interface ProxyTimeouts {
  /** A client that connects and says nothing. */
  readonly firstByteMs: number;
  readonly tlsHandshakeMs: number;
  /** A request head, from its first byte. */
  readonly headersMs: number;
  /** Silence of a client that owes us its body, does not read its response, or is done talking in a tunnel. */
  readonly bodyIdleMs: number;
  /** An idle client connection between two requests. */
  readonly keepAliveMs: number;
  /** A half-closed client still gets its response for so long; then it counts as gone. 0: at once. */
  readonly halfCloseMs: number;
  /** How long leftover request bytes are swallowed after an early answer, so that the answer arrives. 0: not at all. */
  readonly lingerMs: number;
  readonly connectMs: number;
  /** From the request's last byte to the response's head; 0 waits for ever. */
  readonly responseHeadersMs: number;
  /** Silence inside a response body; event streams and upgraded connections have none. 0 waits for ever. */
  readonly responseIdleMs: number;
  /** An idle target connection; below the shortest common server default, so that we close first. 0 keeps none. */
  readonly targetIdleMs: number;
  /** What a drain or a shutdown leaves to upgraded connections, which have no end of their own; 0 is none. */
  readonly upgradeGraceMs: number;
}

export const defaultTimeouts: ProxyTimeouts = {
  firstByteMs: 10_000,
  tlsHandshakeMs: 10_000,
  headersMs: 15_000,
  bodyIdleMs: 60_000,
  keepAliveMs: 65_000,
  halfCloseMs: 5_000,
  lingerMs: 2_000,
  connectMs: 3_000,
  responseHeadersMs: 60_000,
  responseIdleMs: 300_000,
  targetIdleMs: 1_000,
  upgradeGraceMs: 5_000,
};

/** Request head and response head; the latter is larger because targets set many cookies. */
export const maxRequestHeaderBytes: number = 16 * 1024;
export const maxResponseHeaderBytes: number = 64 * 1024;

/** What a proxy gives away at most, per process. Each may be changed while it runs. */
export interface ProxyLimits {
  /** Open client connections; more are reset at once. */
  readonly connections: number;
  /** The same for one IPv4 address or one IPv6 /64. */
  readonly connectionsPerAddress: number;
  /** Requests at the same time on one HTTP/2 connection. */
  readonly http2Streams: number;
  /** What a client may send ahead of its reader, for one request body and for all of a connection. */
  readonly http2StreamWindowBytes: number;
  readonly http2ConnectionWindowBytes: number;
  /** Requests that a client may call off at once, and per second after that, before its connection ends. */
  readonly http2ResetBurst: number;
  readonly http2ResetsPerSecond: number;
}

export const defaultLimits: ProxyLimits = {
  connections: 16_384,
  connectionsPerAddress: 2_048,
  http2Streams: 100,
  http2StreamWindowBytes: 64 * 1024,
  http2ConnectionWindowBytes: 1024 * 1024,
  http2ResetBurst: 500,
  http2ResetsPerSecond: 50,
};
