// records-main.ts PATH FILL END: writes `FILL` changes to the records at PATH, then the set `old`, and where END is `new`
// the set `new`, each set in one write. Tells what came of it, and ends like one that is killed, so that nothing is tidied.
import { writeSync } from 'node:fs';
import { createStore, type Change, type Store } from '@orca/store';

const [path = '', fill = '0', end = 'new'] = process.argv.slice(2);
const say = (line: string): void => void writeSync(1, `${line}\n`);

/** Of several pages of the database each, and of every kind of change. */
const setOf = (which: string): readonly Change[] => [
  ...['a', 'b', 'c'].map(
    (id) => ({ type: 'put', kind: 'kept', id, value: { which, text: 'x'.repeat(2500) } }) as const,
  ),
  { type: 'delete', kind: 'kept', id: which === 'old' ? 'new' : 'old' },
  { type: 'put', kind: 'kept', id: which, value: { which } },
  { type: 'append', kind: 'journal', record: { which } },
];

const told = async (what: string, work: () => Promise<unknown>): Promise<boolean> => {
  try {
    await work();
    say(`${what} done`);
    return true;
  } catch (error) {
    const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'no code';
    say(`${what} refused ${code}`);
    return false;
  }
};

let store: Store | undefined;
const isOpen = await told('open', async () => void (store = createStore({ path, onCorrupt: () => say('corrupt') })));
if (isOpen && store !== undefined) {
  const open = store;
  for (let n = 0; n < Number(fill); n += 1) await open.put('fill', 'one', { n });
  if ((await told('old', () => open.write(setOf('old')))) && end === 'new')
    await told('new', () => open.write(setOf('new')));
}
process.kill(process.pid, 'SIGKILL');
