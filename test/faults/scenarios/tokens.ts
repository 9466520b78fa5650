import { setTimeout as sleep } from 'node:timers/promises';
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
  /** Times without a writer between the first and the last. */
  readonly downtimesMs: readonly number[];
}

/** Tokens come every 100 ms: a writer that was silent for longer than this was not there meanwhile. */
const silentMs = 500;

interface Token {
  readonly writer: string;
  readonly atMs: number;
}

/** A time during which one writer was there without a break. */
interface Stay {
  readonly fromMs: number;
  readonly toMs: number;
}

export const readTokens = async (volume: string): Promise<Tokens> => {
  const tokens = (await readLines(volume, 'tokens')).map((line): Token => {
    const [at = '', writer = ''] = line.split(' ');
    return { writer, atMs: Number(at) * 1000 };
  });
  const byWriter = Map.groupBy(tokens, ({ writer }) => writer);
  const stays = [...byWriter.values()].flatMap(staysOf).toSorted((a, b) => a.fromMs - b.fromMs);
  const downtimesMs: number[] = [];
  let [overlapMs, untilMs] = [0, stays[0]?.toMs ?? 0];
  for (const { fromMs, toMs } of stays.slice(1)) {
    overlapMs += Math.max(0, Math.min(untilMs, toMs) - fromMs);
    downtimesMs.push(Math.max(0, fromMs - untilMs));
    untilMs = Math.max(untilMs, toMs);
  }
  return {
    count: tokens.length,
    writers: byWriter.size,
    overlapMs,
    found: await readLines(volume, 'overlaps'),
    downtimesMs,
  };
};

/** Sets two writers on one volume, on purpose: a detector that sees nothing then proves nothing. */
export const proveDetector = async (volume: string): Promise<boolean> => {
  const names = [`${volume}-1`, `${volume}-2`];
  try {
    for (const name of names) await docker('run', '-d', '--name', name, '-v', `${volume}:/data`, 'orca-test/tokens:1');
    await sleep(1000);
    const { overlapMs, found } = await readTokens(volume);
    return overlapMs > 0 && found.length > 0;
  } finally {
    await docker('rm', '-f', ...names);
    await docker('volume', 'rm', volume);
  }
};

const staysOf = (tokens: readonly Token[]): readonly Stay[] => {
  const stays: Stay[] = [];
  for (const { atMs } of tokens) {
    const last = stays.at(-1);
    if (last === undefined || atMs - last.toMs > silentMs) stays.push({ fromMs: atMs, toMs: atMs });
    else stays[stays.length - 1] = { ...last, toMs: atMs };
  }
  return stays;
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
