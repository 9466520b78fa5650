import { foreignText } from './foreign-text.ts';

/** What an authority says is wrong (RFC 7807 as used by RFC 8555, section 6.7). */
export interface Problem {
  /** Without the prefix `urn:ietf:params:acme:error:`; other types whole. */
  readonly type: string;
  readonly detail: string;
  /** Of the HTTP answer; 0 for a problem inside an order or challenge. */
  readonly status: number;
  readonly subproblems: readonly { readonly name: string; readonly type: string; readonly detail: string }[];
}

const prefix = 'urn:ietf:params:acme:error:';

/** Reads a problem document; what is missing or malformed becomes empty text, never a fault of its own. */
export const parseProblem = (value: unknown, status: number): Problem => {
  const fields = asRecord(value);
  const list = fields['subproblems'];
  const subproblems = (Array.isArray(list) ? list.slice(0, 20) : []).map((one: unknown) => {
    const inner = asRecord(one);
    return {
      name: foreignText(asRecord(inner['identifier'])['value']),
      type: typeOf(inner['type']),
      detail: foreignText(inner['detail']),
    };
  });
  return { type: typeOf(fields['type']), detail: foreignText(fields['detail']), status, subproblems };
};

/** Type, detail and subproblems in the authority's own words, on one line. */
export const formatProblem = ({ type, detail, status, subproblems }: Problem): string => {
  const named = type === '' ? `HTTP ${status}` : type;
  const more = subproblems.map((one) => `${one.name === '' ? '' : `${one.name}: `}${one.type}: ${one.detail}`);
  return [`${named}${detail === '' ? '' : `: ${detail}`}`, ...more].join('; ');
};

const typeOf = (value: unknown): string => {
  const type = foreignText(value);
  return type.startsWith(prefix) ? type.slice(prefix.length) : type;
};

const asRecord = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? { ...value } : {};
