import { createRequire } from 'node:module';

/** Node's own strict parser, which both sides are measured against; it has no public name and no types. */
interface NativeParser {
  initialize(type: number, resource: object, maxHeaderSize: number, lenient: number): void;
  execute(bytes: Buffer): number | Error;
  finish(): Error | undefined;
  close(): void;
  [callback: number]: unknown;
}

interface NativeParserClass {
  new (): NativeParser;
  readonly REQUEST: number;
  readonly RESPONSE: number;
  readonly kOnHeaders: number;
  readonly kOnHeadersComplete: number;
  readonly kOnBody: number;
  readonly kOnMessageComplete: number;
}

const { HTTPParser } = createRequire(import.meta.url)('_http_common') as { readonly HTTPParser: NativeParserClass };

export interface Message {
  /** Of a request. */
  readonly method: string;
  readonly url: string;
  /** Of a response. */
  readonly status: number;
  readonly fields: readonly string[];
  body: string;
  trailers: readonly string[];
  isComplete: boolean;
}

export interface Verdict {
  /** In order; only the last may be incomplete. */
  readonly messages: readonly Message[];
  /** llhttp's code for what it refused behind them. */
  readonly fault: string | undefined;
}

const methods: readonly string[] = (createRequire(import.meta.url)('_http_common') as { methods: string[] }).methods;

/** One connection's bytes, as llhttp reads them. */
export class Llhttp {
  readonly messages: Message[] = [];
  readonly #parser = new HTTPParser();
  #fault: string | undefined;
  #early: string[] = [];
  #earlyUrl = '';

  constructor(kind: 'REQUEST' | 'RESPONSE', maxHeaderBytes: number, skipsBody: (message: Message) => boolean) {
    const parser = this.#parser;
    parser.initialize(HTTPParser[kind], {}, maxHeaderBytes, 0);
    // Comes for trailers, in the middle of long heads, and for the head of a message behind trailers.
    parser[HTTPParser.kOnHeaders] = (fields: string[], url: string) => {
      const last = this.messages.at(-1);
      if (last === undefined || last.isComplete) {
        this.#early.push(...fields);
        this.#earlyUrl += url;
      } else last.trailers = [...last.trailers, ...fields];
    };
    // oxlint-disable-next-line max-params
    parser[HTTPParser.kOnHeadersComplete] = (
      _major: number,
      _minor: number,
      fields: string[] | undefined,
      method: number | undefined,
      url: string | undefined,
      status: number | undefined,
    ) => {
      const message: Message = {
        method: method === undefined ? '' : (methods[method] ?? ''),
        url: url ?? this.#earlyUrl,
        status: status ?? 0,
        fields: [...this.#early, ...(fields ?? [])],
        body: '',
        trailers: [],
        isComplete: false,
      };
      this.#early = [];
      this.#earlyUrl = '';
      this.messages.push(message);
      return skipsBody(message) ? 1 : 0;
    };
    parser[HTTPParser.kOnBody] = (bytes: Buffer) => {
      const last = this.messages.at(-1);
      if (last !== undefined) last.body += bytes.toString('latin1');
    };
    parser[HTTPParser.kOnMessageComplete] = () => {
      const last = this.messages.at(-1);
      if (last !== undefined) last.isComplete = true;
    };
  }

  get fault(): string | undefined {
    return this.#fault;
  }

  read(bytes: Buffer): void {
    if (this.#fault === undefined) this.#note(this.#parser.execute(bytes));
  }

  end(): void {
    if (this.#fault === undefined) this.#note(this.#parser.finish());
  }

  free(): void {
    this.#parser.close();
  }

  #note(result: number | Error | undefined): void {
    if (result instanceof Error) this.#fault = 'code' in result ? String(result.code) : result.message;
  }
}

/** What llhttp makes of all the bytes of one connection, which ends behind them. */
export const verdictOf = (kind: 'REQUEST' | 'RESPONSE', text: string, skipsBody: (m: Message) => boolean): Verdict => {
  const reader = new Llhttp(kind, kind === 'REQUEST' ? 16 * 1024 : 64 * 1024, skipsBody);
  reader.read(Buffer.from(text, 'latin1'));
  reader.end();
  reader.free();
  return reader;
};
