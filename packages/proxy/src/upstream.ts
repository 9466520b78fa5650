import type { Duplex, Readable } from 'node:stream';
import type { Target } from './route.ts';

/** Field names and values in turn, order, case and repetition as on the wire; values hold latin1 bytes. */
export type RawFields = readonly string[];

export interface UpstreamRequest {
  readonly method: string;
  /** Origin form, forwarded byte for byte. */
  readonly path: string;
  /** End-to-end fields with exactly one Host and at most one Content-Length; framing is the adapter's. */
  readonly fields: RawFields;
  /** `undefined`: no body. Read only once a connection is there; destroyed when no longer wanted. */
  readonly body: Readable | undefined;
  /** Asks to switch to WebSocket; the answer may still be an ordinary response. */
  readonly upgrade: boolean;
  /** How long the response's head may take, instead of the adapter's own limit; 0 is for ever. */
  readonly responseHeadersMs?: number | undefined;
  /** Must not go over a connection that was used before. */
  readonly fresh: boolean;
}

/**
 * - `connect`: no byte of the request was sent.
 * - `stale`: a reused connection died before any byte of the response.
 * - `timeout`: no response head in time.
 * - `broken`: everything else, including a response that is not HTTP.
 */
export type FailureKind = 'connect' | 'stale' | 'timeout' | 'broken';

export interface UpstreamFailure {
  readonly kind: FailureKind;
  readonly cause: unknown;
}

/** Told in this order: interim*, then started, data*, ended, with `waiting` in between; or upgraded; or, at any point, failed. Last call is last. */
export interface UpstreamHandler {
  interim(status: number, fields: RawFields): void;
  /** `isWhole`: the message ends with its head; a gRPC client tells that from an empty body. */
  started(status: number, reason: string, fields: RawFields, isWhole?: boolean): void;
  /** The bytes are good only during this call. False asks for a pause until `resume()`. */
  data(view: Buffer): boolean;
  /** All of the response that has come was told; more of it takes a while. */
  waiting(): void;
  /** With the trailer fields, unfiltered; `undefined` or empty when there were none. */
  ended(trailers?: RawFields): void;
  upgraded(fields: RawFields, socket: Duplex): void;
  failed(failure: UpstreamFailure): void;
}

export interface UpstreamCall {
  resume(): void;
  /** Destroys the connection at once; the handler hears nothing more. */
  abort(): void;
}

/**
 * One way of speaking HTTP to targets. Keeps connections alive; never retries, never throws,
 * and never calls the handler before `send` has returned.
 */
export interface Upstream {
  send(target: Target, request: UpstreamRequest, handler: UpstreamHandler): UpstreamCall;
  /** Closes idle connections to every other target, now and when they become idle. */
  retain(targets: readonly Target[]): void;
  /** Destroys every connection; calls in flight fail. */
  close(): Promise<void>;
}
