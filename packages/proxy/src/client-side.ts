import type { Duplex, Readable } from 'node:stream';
import type { RawFields } from './upstream.ts';

export type HttpVersion = '1.0' | '1.1' | '2';

/** Who asks, by the socket: nothing in it was claimed by the client. */
export interface Peer {
  /** Without zone; an IPv4 address as such. Never empty unless the socket was gone at once. */
  readonly address: string;
  /** Whether the connection is encrypted, hence `https`. */
  readonly isSecure: boolean;
}

export interface ResponseHead {
  readonly status: number;
  /** HTTP/1 only; `undefined` for the usual one. */
  readonly reason: string | undefined;
  readonly fields: RawFields;
  /** Nothing follows: no body and no trailers. */
  readonly isWhole?: boolean;
  /** Adds a Date, as for an answer of the proxy's own. */
  readonly dated: boolean;
  /** No request may follow on this connection; HTTP/2 ends its connections by other means. */
  readonly close: boolean;
}

/**
 * One request and the way back to its client, whatever version of HTTP carries the two. What the
 * client does meanwhile is told to the `ClientListener` that was given to `listen`.
 */
export interface ClientSide {
  readonly peer: Peer;
  /** Whether the client may ask for this host on its connection: what TLS showed it is good for that (RFC 9110 §7.4). */
  covers(name: string): boolean;
  readonly version: HttpVersion;
  readonly method: string;
  /** The request's target as on the wire, whether or not it is well-formed. */
  readonly target: string;
  /** The host that it names, as on the wire, whether or not it is one. */
  readonly host: string | undefined;
  /** As on the wire, without pseudo-fields; cookie crumbs are one field again. */
  readonly fields: RawFields;
  /** A body follows the head. */
  readonly hasBody: boolean;
  /** Nothing of the request is still to come, whether it was read or not. */
  readonly isComplete: boolean;
  /** The request's decoded body; flows only when somebody reads. */
  readonly body: Readable;

  listen(listener: ClientListener): void;

  /** The response's head is on its way: no other answer is possible. */
  readonly hasStarted: boolean;
  /** The client reads more slowly than the response comes. */
  readonly isHeldBack: boolean;
  /** Asks for the body of a request that waits for that. */
  sendContinue(): void;
  sendInterim(status: number, fields: RawFields): void;
  /** Throws, with nothing sent, when a field cannot be written. */
  start(head: ResponseHead): void;
  /** Takes bytes that are good only during this call. False asks for a pause until `drained`. */
  write(view: Buffer): boolean;
  /** Whatever waits for company goes out: for now nothing more comes. */
  flush(): void;
  /** Ends the response; trailers go only to a client that said it reads them. */
  end(chunk?: string, trailers?: RawFields): void;
  /** Ends a started response so that no client can take it for complete. */
  breakOff(): void;
  /** Swallows what the client still sends, so that it gets to read the response; no request follows. */
  discardRest(): void;
  /** Answers 101 and joins the two sides; only for a request that asked to switch. */
  openTunnel(fields: RawFields, target: Duplex, onClosed: () => void): void;
  /** Ends a tunnel, or whatever else the client's connection carries. */
  closeTunnel(): void;
}

/** What a request's owner hears of its client. */
export interface ClientListener {
  /** The client owes us bytes, and we are ready to take them. */
  readonly awaitsBody: boolean;
  readonly isIncomplete: boolean;
  drained(): void;
  clientGone(): void;
  /** The request's body is malformed (400) or does not come (408). */
  bodyFailed(status: number): void;
}
