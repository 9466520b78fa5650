import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { withSecretPlace, type SecretPlace } from './secret-store.ts';

/** What a user does with secrets, with the state before it and the states that may be found after it was cut off. */
export interface SecretWork {
  readonly what: string;
  readonly args: readonly string[];
  readonly input?: string;
  prepare(place: SecretPlace): Promise<void>;
  /** Names before and after. */
  readonly before: string;
  readonly after: string;
}

export const secretWorks: readonly SecretWork[] = [
  {
    what: 'set',
    args: ['set', 'NEW', '-'],
    input: 'new value',
    prepare: (place) => place.set('OLD', 'old value'),
    before: 'OLD',
    after: 'NEW,OLD',
  },
  {
    what: 'first set',
    args: ['set', 'OLD', '-'],
    input: 'old value',
    prepare: async () => undefined,
    before: '',
    after: 'OLD',
  },
  {
    what: 'rm',
    args: ['rm', 'GONE'],
    prepare: async (place) => {
      await place.set('OLD', 'old value');
      await place.set('GONE', 'gone value');
    },
    before: 'GONE,OLD',
    after: 'OLD',
  },
  {
    what: 'rotate-key',
    args: ['rotate-key'],
    prepare: (place) => place.set('OLD', 'old value'),
    before: 'OLD',
    after: 'OLD',
  },
];

/** Every call that changes something on disk. */
const CALLS = ['openat', 'write', 'pwrite64', 'fsync', 'rename', 'link', 'symlink', 'unlink', 'mkdir'] as const;

/** One call of a run: `rename` for the second time. */
export interface CallPoint {
  readonly work: SecretWork;
  readonly call: string;
  readonly nth: number;
}

/** strace, told of the files that matter: those of Node's own start do not. libuv's one thread makes the calls. */
const strace = (place: SecretPlace, log: string, inject: readonly string[]): readonly string[] => {
  const { path, keyPath, root, home } = place;
  const secrets = [path, `${path}.tmp`, `${path}.lock`, root, join(root, '.gitignore')];
  const seen = ['', '.tmp', '.lock'].map((end) => join(home, `secrets-seen.json${end}`));
  const key = ['', '.lock', '.next', '.next.tmp', '.next.new.tmp'].map((end) => `${keyPath}${end}`);
  const paths = [...secrets, ...seen, ...key, home].flatMap((file) => ['-P', file]);
  const trace = `trace=${CALLS.join()}`;
  return ['strace', '-f', '-qq', '-E', 'UV_THREADPOOL_SIZE=1', '-o', log, ...paths, '-e', trace, ...inject];
};

/** All points of a run that nothing disturbs. */
export const callPoints = async (work: SecretWork): Promise<readonly CallPoint[]> =>
  withSecretPlace(async (place) => {
    await work.prepare(place);
    const { code, text, stderr } = await runUnder(place, work, []);
    if (code !== 0) throw new Error(`${work.what} under strace ended with ${code}: ${stderr}`);
    const lines = text.split('\n');
    return CALLS.flatMap((call) => {
      const count = lines.filter((line) => line.includes(` ${call}(`)).length;
      return Array.from({ length: count }, (_, index) => ({ work, call, nth: index + 1 }));
    });
  });

export const runUnder = async (
  place: SecretPlace,
  work: SecretWork,
  inject: readonly string[],
): Promise<{ readonly code: number; readonly stderr: string; readonly text: string }> => {
  const log = join(place.dir, 'strace.log');
  const { code, stderr } = await place.orca(work.args, work.input ?? '', strace(place, log, inject));
  const text = readFileSync(log, 'utf8');
  rmSync(log);
  return { code, stderr, text };
};

/** What is wrong after a run that was cut off or refused; afterwards the same is done again, undisturbed. */
export const faultsAfter = async (place: SecretPlace, work: SecretWork): Promise<readonly string[]> => {
  const faults: string[] = [];
  const names = await place.names();
  if (names !== work.before && names !== work.after) faults.push(`holds ${names || 'nothing'}`);
  if (names.includes('OLD') && (await place.reveal('OLD')) !== 'old value') faults.push('OLD has another value');
  await place.open().verify();
  const again = await place.orca(work.args, work.input ?? '');
  const isGone = work.what === 'rm' && names === work.after;
  if (again.code !== 0 && !isGone) faults.push(`the next run failed: ${again.stderr.trim()}`);
  if ((await place.names()) !== work.after) faults.push(`the next run left ${await place.names()}`);
  if ((await place.reveal('OLD')) !== 'old value') faults.push('the next run changed OLD');
  // A lock whose holder was killed when all was done is removed by the next who writes.
  await place.set('AFTER', 'x');
  const left = place.leftovers().filter((name) => !isUnusedKey(name));
  if (left.length > 0) faults.push(`left over: ${left.join(', ')}`);
  return faults;
};

/** A key that was never taken into use: two first writers may make one each, so no name is fixed and none is reused. */
const isUnusedKey = (name: string): boolean => /^master\.key\.[0-9a-f]{12}\.tmp$/.test(name);
