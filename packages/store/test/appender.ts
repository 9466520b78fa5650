// Writes until it is killed, each time a record and two values, and tells each number once the store has confirmed it.
import { writeSync } from 'node:fs';
import { createStore } from '../src/index.ts';

const store = createStore({ path: process.argv[2] ?? '' });
for (let n = 1; ; n += 1) {
  await store.write([
    { type: 'put', kind: 'kind', id: 'first', value: { n } },
    { type: 'append', kind: 'journal', record: { n } },
    { type: 'put', kind: 'kind', id: 'last', value: { n } },
  ]);
  writeSync(1, `${n}\n`);
}
