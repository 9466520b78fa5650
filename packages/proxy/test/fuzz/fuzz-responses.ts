import { readResponse, type Reading } from '../http1-client/read-responses.ts';
import { responses } from './corpus.ts';
import type { Finding, Findings } from './findings.ts';
import { verdictOf, type Verdict } from './llhttp.ts';
import { mutate } from './mutate.ts';
import { randomOf, type Random } from './random.ts';

export interface FuzzOptions {
  readonly seed: number;
  readonly count: number;
  /** The first case; the others follow. */
  readonly from?: number;
}

/** Mutated responses to our parser, whole and in pieces, and to llhttp. */
export const fuzzResponses = ({ seed, count, from = 0 }: FuzzOptions): Findings => {
  const tally = { agreed: 0, refused: 0, stricter: 0 };
  const disagreements: Finding[] = [];
  const crashes: Finding[] = [];
  for (let index = from; index < from + count; index += 1) {
    const random = randomOf(seed, index);
    const bytes = mutate(responses, random);
    const method = random.pick(['GET', 'GET', 'GET', 'HEAD', 'POST']);
    try {
      const result = compare(bytes, method, random);
      if (typeof result === 'string') tally[result === 'agreed' || result === 'refused' ? result : 'stricter'] += 1;
      else disagreements.push({ index, bytes: `${method}: ${bytes}`, why: result.why });
    } catch (error) {
      crashes.push({ index, bytes, why: String(error) });
    }
  }
  return { cases: count, ...tally, disagreements, crashes };
};

type Result = 'agreed' | 'refused' | 'stricter' | { readonly why: string };

const compare = (bytes: string, method: string, random: Random): Result => {
  const ours = readResponse([bytes], { method, ends: true });
  const pieces = readResponse(cut(bytes, random), { method, ends: true });
  if (!isSame(ours, pieces)) return { why: 'the same bytes in pieces are read differently' };
  const theirs = verdictOf('RESPONSE', bytes, ({ status }) => method === 'HEAD' || status < 200);
  const [response] = ours.responses;
  const final = finalOf(theirs);
  if (response === undefined) return final?.isComplete === true ? 'stricter' : 'refused';
  if (final?.isComplete !== true) return { why: `we take it, llhttp refuses it with ${theirs.fault}` };
  const read = [response.status, response.fields, response.body, response.trailers];
  const expected = [final.status, final.fields, final.body, final.trailers];
  return JSON.stringify(read) === JSON.stringify(expected)
    ? 'agreed'
    : { why: `we read ${JSON.stringify(read)}, llhttp ${JSON.stringify(expected)}` };
};

const finalOf = ({ messages }: Verdict): Verdict['messages'][number] | undefined =>
  messages.find(({ status }) => status >= 200 || status === 101);

const cut = (bytes: string, random: Random): readonly string[] => {
  const first = random.below(bytes.length + 1);
  const second = first + random.below(bytes.length - first + 1);
  return [bytes.slice(0, first), bytes.slice(first, second), bytes.slice(second)];
};

/** Surplus shows as such, or as a fault, by whether it came in the same piece. */
const isSame = (a: Reading, b: Reading): boolean =>
  JSON.stringify([a.responses, a.interim]) === JSON.stringify([b.responses, b.interim]) &&
  isUnusable(a) === isUnusable(b);

const isUnusable = ({ fault, surplus }: Reading): boolean => fault !== undefined || surplus;
