import { docker } from '../../e2e/orca.ts';
import { percentile, seconds } from './findings.ts';

/** What the token takers of image `orca-test/tokens:1` left in their volume. */
export interface Tokens {
  readonly count: number;
  readonly writers: number;
  /** How long two writers took tokens at the same time, all such times together. */
  readonly overlapMs: number;
  /** Lines of writers that found another's fresh token. */
  readonly found: readonly string[];
  /** Times between the last token of one writer and the first of the next. */
  readonly downtimesMs: readonly number[];
}

interface Span {
  readonly firstMs: number;
  readonly lastMs: number;
}

export const readTokens = async (volume: string): Promise<Tokens> => {
  const lines = await readLines(volume, 'tokens');
  const spans = spansOf(lines);
  const pairs = spans.slice(1).map((span, index) => span.firstMs - (spans[index]?.lastMs ?? span.firstMs));
  return {
    count: lines.length,
    writers: spans.length,
    overlapMs: pairs.reduce((sum, gap) => sum + Math.max(0, -gap), 0),
    found: await readLines(volume, 'overlaps'),
    downtimesMs: pairs.map((gap) => Math.max(0, gap)),
  };
};

/** From when to when each writer took tokens, in the order of the beginnings. */
const spansOf = (lines: readonly string[]): readonly Span[] => {
  const spans = new Map<string, Span>();
  for (const line of lines) {
    const [at = '', writer = ''] = line.split(' ');
    const ms = Number(at) * 1000;
    const known = spans.get(writer);
    spans.set(writer, { firstMs: Math.min(known?.firstMs ?? ms, ms), lastMs: Math.max(known?.lastMs ?? ms, ms) });
  }
  return [...spans.values()].toSorted((a, b) => a.firstMs - b.firstMs);
};

const readLines = async (volume: string, file: string): Promise<readonly string[]> => {
  const read = `cat /data/${file} 2> /dev/null || true`;
  const text = await docker(
    'run',
    '--rm',
    '--network',
    'none',
    '-v',
    `${volume}:/data:ro`,
    'busybox:1.36',
    'sh',
    '-c',
    read,
  );
  return text.split('\n').filter((line) => line !== '');
};

export const describeDowntimes = (downtimesMs: readonly number[]): string =>
  `downtime median ${seconds(percentile(downtimesMs, 0.5))}, p95 ${seconds(percentile(downtimesMs, 0.95))}, ` +
  `worst ${seconds(Math.max(0, ...downtimesMs))}`;
