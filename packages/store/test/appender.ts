// Appends until it is killed, and tells each record's number once the store has confirmed it.
import { writeSync } from 'node:fs';
import { createStore } from '../src/index.ts';

const store = createStore({ path: process.argv[2] ?? '' });
for (let n = 1; ; n += 1) {
  await store.append('journal', { n });
  writeSync(1, `${n}\n`);
}
