import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createStore } from '@orca/store';
import { tempDir } from '@orca/tooling-testbed';
import { run } from '../../e2e/orca.ts';

const program = resolve(import.meta.dirname, '../records-main.ts');

/** Every call of SQLite that changes something on disk. */
const CALLS = ['openat', 'pwrite64', 'write', 'fsync', 'fdatasync', 'ftruncate', 'fallocate', 'unlink'] as const;

/** What is written, and from which of the calls on it is disturbed. */
export interface RecordWork {
  readonly what: string;
  /** Writes before that, one page each: after a thousand SQLite copies its log into the database. */
  readonly fill: number;
  /** Also the opening, and the set that is there before. */
  readonly isWhole: boolean;
}

export const recordWorks: readonly RecordWork[] = [
  { what: 'several changes', fill: 0, isWhole: true },
  { what: 'several changes, with a checkpoint', fill: 975, isWhole: false },
];

/** One call of a run: `fsync` for the second time. */
export interface RecordPoint {
  readonly work: RecordWork;
  readonly call: string;
  readonly nth: number;
}

interface Traced {
  /** What the writer told, line by line. */
  readonly told: readonly string[];
  readonly counts: ReadonlyMap<string, number>;
  readonly log: string;
}

const traced = async (path: string, work: RecordWork, end: string, inject: readonly string[]): Promise<Traced> => {
  const log = `${path}.strace`;
  const paths = ['', '-wal', '-shm', '-journal'].flatMap((suffix) => ['-P', path + suffix]);
  const trace = ['-f', '-qq', '-o', log, ...paths, '-e', `trace=${CALLS.join()}`, ...inject];
  const { stdout } = await run('strace', [...trace, process.execPath, program, path, String(work.fill), end]);
  const text = readFileSync(log, 'utf8');
  const counts = CALLS.map((call) => [call, text.split(` ${call}(`).length - 1] as const);
  return { told: stdout.split('\n').filter((line) => line !== ''), counts: new Map(counts), log: text };
};

/** All points of a run that nothing disturbs. */
export const recordPoints = async (work: RecordWork): Promise<readonly RecordPoint[]> => {
  const undisturbed = async (end: string): Promise<Traced> => {
    await using dir = await tempDir('orca-records-');
    return await traced(join(dir.path, 'orca.db'), work, end, []);
  };
  const all = await undisturbed('new');
  if (all.told.at(-1) !== 'new done') throw new Error(`${work.what} under strace told ${all.told.join(', ')}`);
  const before = work.isWhole ? new Map<string, number>() : (await undisturbed('old')).counts;
  return CALLS.flatMap((call) => {
    const from = before.get(call) ?? 0;
    return Array.from({ length: (all.counts.get(call) ?? 0) - from }, (_, index) => ({
      work,
      call,
      nth: from + index + 1,
    }));
  });
};

/** What is wrong after a run in which one call, or each from that one on, was refused or the last. */
export const recordFaults = async (
  { work, call, nth }: RecordPoint,
  fault: { readonly inject: string; readonly isLasting: boolean },
): Promise<{ readonly faults: readonly string[]; readonly found: string }> => {
  await using dir = await tempDir('orca-records-');
  const path = join(dir.path, 'orca.db');
  const inject = `inject=${call}:${fault.inject}:when=${nth}${fault.isLasting ? '+' : ''}`;
  const { told, log } = await traced(path, work, 'new', ['-e', inject]);
  const faults: string[] = [];
  if (!log.includes('INJECTED') && !fault.inject.startsWith('signal')) faults.push('was not disturbed');
  const last = told.at(-1) ?? 'nothing';
  const store = createStore({ path, onCorrupt: () => faults.push('damaged') });
  const found = await foundIn(store);
  if (!allowedAfter(last, fault.inject.startsWith('signal')).includes(found))
    faults.push(`told ${last}, holds ${found}`);
  if (/refused (?!ORCA_STORE_IO)/.test(told.join('\n'))) faults.push(`told ${last}`);
  await store.write([{ type: 'put', kind: 'kept', id: 'after', value: {} }]);
  await store.close();
  return { faults, found };
};

const foundIn = async (store: ReturnType<typeof createStore>): Promise<string> => {
  const kept = (await store.list('kept')).map(({ id, value }) => `${id}: ${whichOf(value)}`).join();
  const journal = (await store.tail('journal', 9)).map(whichOf).join();
  const whole = ['old', 'new'].find(
    (which) => kept === ['a', 'b', 'c', which].map((id) => `${id}: ${which}`).join() && journal.endsWith(which),
  );
  return whole ?? (kept === '' && journal === '' ? 'nothing' : `a part: ${kept}; ${journal}`);
};

const whichOf = (value: unknown): string =>
  typeof value === 'object' && value !== null && 'which' in value ? String(value.which) : '?';

/** What was told is true; who was killed had perhaps just done what came next. */
const allowedAfter = (last: string, isKilled: boolean): readonly string[] => {
  const order = ['nothing', 'old', 'new'];
  const [what = '', outcome] = last.split(' ');
  const told = outcome === 'done' ? order.indexOf(what) : order.indexOf(what) - 1;
  return order.slice(Math.max(0, told), Math.max(0, told) + (isKilled ? 2 : 1));
};
