import type { Challenge, Solver } from './ports.ts';
import { createShownAnswers } from './shown-answers.ts';

/** Token to key authorization: plain data, for whatever answers on port 80. */
export type Http01Answers = Readonly<Record<string, string>>;

export interface Http01 {
  readonly solver: Solver;
  /**
   * The body to answer a GET or HEAD of this path with (status 200, text/plain), for any host and
   * before any redirect or authentication; `undefined` for what is not a live token: answer 404,
   * or go on as usual.
   */
  readonly answer: (path: string) => string | undefined;
  /** All that is live now. */
  readonly answers: () => Http01Answers;
  /** Shows a token of one's own, to find out whether a name leads here. */
  readonly show: (token: string, text: string) => Promise<() => Promise<void>>;
}

export interface Http01Options {
  /**
   * Told of every change, where another process answers; a challenge is announced, and live here,
   * once it has resolved. When it fails for one that ends, that is part of the next change.
   */
  readonly publish?: (answers: Http01Answers) => Promise<void> | void;
}

export const http01Prefix = '/.well-known/acme-challenge/';

/** Answers http-01 (RFC 8555, section 8.3) from memory, by exact match of the token. */
export const http01 = ({ publish }: Http01Options = {}): Http01 => {
  const shown = createShownAnswers<string>(publish && ((all) => publish(Object.fromEntries(all))));
  return {
    answers: () => Object.fromEntries(shown.live()),
    answer: (path) => (path.startsWith(http01Prefix) ? shown.live().get(path.slice(http01Prefix.length)) : undefined),
    show: async (token, text) => {
      await shown.show(token, text);
      return () => shown.hide(token);
    },
    solver: {
      type: 'http-01',
      present: ({ token, keyAuthorization }: Challenge) => shown.show(token, keyAuthorization),
      cleanUp: ({ token }: Challenge) => shown.hide(token),
    },
  };
};
