import { ResponseParser } from '../../src/http1-client/response-parser.ts';

/** What a connection's parser made of bytes, one response for each method. */
export interface ReadResponse {
  readonly status: number;
  readonly reason: string;
  readonly fields: readonly string[];
  readonly body: string;
  readonly trailers: readonly string[];
  readonly persistent: boolean;
}

export interface Reading {
  readonly interim: readonly number[];
  readonly responses: readonly ReadResponse[];
  /** Why the connection cannot go on; undefined when all is well so far. */
  readonly fault: string | undefined;
  readonly surplus: boolean;
  readonly switched: string | undefined;
}

export interface ReadOptions {
  readonly method?: string;
  readonly maySwitch?: boolean;
  /** Whether the peer ends the connection after these bytes. */
  readonly ends?: boolean;
}

/** Feeds the pieces one by one, as reads from a socket would, from one buffer that is used again. */
export const readResponse = (pieces: readonly string[], options: ReadOptions = {}): Reading => {
  const interim: number[] = [];
  const responses: ReadResponse[] = [];
  let surplus = false;
  let switched: string | undefined;
  let current: Omit<ReadResponse, 'body' | 'trailers'> | undefined;
  let body = '';
  const parser = new ResponseParser({
    onInterim: ({ status }) => void interim.push(status),
    onHead: (head) => {
      current = { status: head.status, reason: head.reason, fields: head.fields, persistent: head.persistent };
    },
    onData: (view) => {
      body += view.toString('latin1');
    },
    onComplete: (trailers, more) => {
      surplus = more;
      if (current !== undefined) responses.push({ ...current, body, trailers });
    },
    onSwitched: (_, rest) => {
      switched = rest.toString('latin1');
    },
  });
  parser.expect(options.method ?? 'GET', options.maySwitch ?? false);
  const readBuffer = Buffer.alloc(Math.max(...pieces.map((piece) => piece.length)));
  let fault: string | undefined;
  for (const piece of pieces) {
    readBuffer.fill(0xee).write(piece, 'latin1');
    fault ??= surplus || switched !== undefined ? undefined : parser.feed(readBuffer.subarray(0, piece.length))?.fault;
    if (fault !== undefined || surplus || switched !== undefined) break;
  }
  if (options.ends === true) fault ??= parser.end()?.fault;
  return { interim, responses, fault: surplus ? undefined : fault, surplus, switched };
};
