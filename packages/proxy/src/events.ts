/** What the proxy did not simply forward. Told synchronously; an observer must not throw. */
export type ProxyEvent =
  /** Answered by the proxy itself before any target was asked. */
  | {
      readonly kind: 'refused';
      readonly peer: string;
      readonly status: number;
      readonly reason: string;
    }
  /** A target did not answer; `retried` says whether the request went on to another attempt. */
  | {
      readonly kind: 'target-failed';
      readonly targetId: string;
      readonly failure: 'connect' | 'timeout' | 'stale' | 'broken';
      readonly retried: boolean;
      readonly cause: unknown;
    }
  /** A target's response broke off; the client was told by a reset. */
  | { readonly kind: 'response-truncated'; readonly targetId: string; readonly cause: unknown }
  /** The client left before its response was complete. */
  | { readonly kind: 'client-gone'; readonly targetId: string }
  /** A target could not be reached again and again, and is left out for a while. */
  | { readonly kind: 'target-ejected'; readonly targetId: string; readonly forMs: number }
  /** A request waited for a target as long as its route allows, and was answered 503. */
  | { readonly kind: 'hold-expired'; readonly route: string }
  /** As many requests as its route allows wait already: one more was answered 503. */
  | { readonly kind: 'hold-refused'; readonly route: string }
  /** Connections beyond a limit were reset: `count` since this was last told, at most once a second. */
  | {
      readonly kind: 'connections-refused';
      readonly limit: 'all' | 'address';
      /** One of those that came too often; empty for the limit of all. */
      readonly address: string;
      readonly count: number;
    }
  /** A TLS handshake came to nothing. */
  | { readonly kind: 'handshake-failed'; readonly peer: string; readonly reason: string }
  /** An HTTP/2 client broke the protocol or a limit, and its connection was ended. */
  | { readonly kind: 'session-failed'; readonly peer: string; readonly reason: string }
  /** The system refused a connection for lack of something; the listener goes on. */
  | { readonly kind: 'listener-failed'; readonly cause: unknown }
  /** The access log cannot be written: lines wait, and beyond a bound they are dropped. Told once. */
  | { readonly kind: 'access-log-failed'; readonly cause: unknown }
  /** It can be written again; `dropped` lines are lost since the beginning. */
  | { readonly kind: 'access-log-recovered'; readonly dropped: number }
  /** The embedder's own `before` threw; the client got a 500. */
  | { readonly kind: 'hook-failed'; readonly cause: unknown }
  /** The deadline of a drain passed with requests in flight. */
  | { readonly kind: 'drain-cut'; readonly targetId: string; readonly requests: number };

export type Observer = (event: ProxyEvent) => void;
