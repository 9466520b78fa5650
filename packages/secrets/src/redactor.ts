import type { SecretValue } from './secret-value.ts';

const MASK = '[secret]';
/** Shorter values occur by chance in any text; masking them would tell more than it hides. */
const SHORTEST = 6;
/** A line of a longer value is masked alone when it is long enough to be told from ordinary text. */
const SHORTEST_LINE = 12;

/**
 * Makes a filter for text that leaves the process. It masks the values themselves, the lines
 * of those with several, and what they become in base64 (at any offset inside a longer text,
 * as in Basic credentials), in a URL and in JSON.
 */
export function redactor(values: Iterable<SecretValue>): (text: string) => string {
  const find = finder(values);
  return (text) => mask(text, merge(find.spans(text)));
}

/** A filter for text that comes in pieces: what a piece ends with is held back while it may go on as a value. */
export interface StreamRedactor {
  /** What may be shown by now. */
  push(piece: string): string;
  /** The rest. */
  end(): string;
}

/** Gives in pieces what `redactor` gives of the whole, whatever the pieces, with a bounded memory. */
export function streamRedactor(values: Iterable<SecretValue>): StreamRedactor {
  const find = finder(values);
  let held = '';
  /** So many characters at the beginning of what is held belong to a value whose mask was given out already. */
  let masked: number | undefined;
  const give = (cut: number): string => {
    if (cut === 0) return '';
    const open = masked === undefined ? [] : [{ from: 0, to: masked }];
    // One that begins before the cut is whole: no value is longer than what is held after it.
    const spans = merge([...open, ...find.spans(held)]).filter(({ from }) => from < cut);
    const end = Math.max(0, ...spans.map(({ to }) => to));
    const shown = mask(
      held.slice(0, cut),
      spans.map(({ from, to }) => ({ from, to: Math.min(to, cut) })),
    );
    masked = end < cut ? undefined : end - cut;
    held = held.slice(cut);
    return open.length > 0 ? shown.slice(MASK.length) : shown;
  };
  return {
    push: (piece) => {
      held += piece;
      return give(Math.max(0, held.length - find.longest + 1));
    },
    end: () => give(held.length),
  };
}

interface Finder {
  readonly longest: number;
  spans(text: string): readonly Span[];
}

const finder = (values: Iterable<SecretValue>): Finder => {
  const forms = [...new Set([...values].flatMap((value) => formsOf(value.reveal())))];
  return {
    longest: Math.max(1, ...forms.map((form) => form.length)),
    spans: (text) => forms.flatMap((form) => occurrences(text, form)),
  };
};

const formsOf = (text: string): readonly string[] => {
  if (text.length < SHORTEST) return [];
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const longLines = lines.length === 1 ? [] : lines.filter((line) => line.length >= SHORTEST_LINE);
  return [...[text, ...longLines].flatMap((part) => [part, jsonForm(part), ...urlForms(part)]), ...base64Forms(text)];
};

const jsonForm = (text: string): string => JSON.stringify(text).slice(1, -1);

const urlForms = (text: string): readonly string[] => {
  const strict = encodeURIComponent(text.toWellFormed());
  const form = new URLSearchParams([['', text]]).toString().slice(1);
  return [strict, form, lowerEscapes(strict), lowerEscapes(form), encodeURI(text.toWellFormed())];
};

const lowerEscapes = (text: string): string => text.replaceAll(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase());

/** The characters that the value alone decides, for each of the three ways it can fall on the 3-byte grid. */
const base64Forms = (text: string): readonly string[] => {
  const bytes = Buffer.from(text);
  const inside = [0, 1, 2].map((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
    return encoded.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6));
  });
  const all = [bytes.toString('base64'), ...inside];
  return [...all, ...all.map((form) => form.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', ''))];
};

interface Span {
  readonly from: number;
  readonly to: number;
}

const occurrences = (text: string, form: string): readonly Span[] => {
  const spans: Span[] = [];
  for (let from = text.indexOf(form); from !== -1; from = text.indexOf(form, from + 1)) {
    spans.push({ from, to: from + form.length });
  }
  return spans;
};

/** Values may overlap in a text; replacing one after the other would leave the end of the second in place. */
const merge = (spans: readonly Span[]): readonly Span[] => {
  const merged: Span[] = [];
  for (const span of spans.toSorted((a, b) => a.from - b.from)) {
    const last = merged.at(-1);
    if (last === undefined || span.from > last.to) merged.push(span);
    else merged[merged.length - 1] = { from: last.from, to: Math.max(last.to, span.to) };
  }
  return merged;
};

const mask = (text: string, spans: readonly Span[]): string => {
  let out = '';
  let end = 0;
  for (const { from, to } of spans) {
    out += text.slice(end, from) + MASK;
    end = to;
  }
  return out + text.slice(end);
};
