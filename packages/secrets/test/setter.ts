// Sets `count` secrets named after `prefix`, one after the other: the other process of a test.
import { createFileStore, SecretsError, SecretValue } from '../src/index.ts';

const [path = '', keyPath = '', prefix = '', count = '1', size = '8'] = process.argv.slice(2);
const store = createFileStore({ path, keyPath });
try {
  for (let n = 0; n < Number(count); n += 1) {
    await store.set(`${prefix}${n}`, SecretValue.of(`${prefix}${n}`.padEnd(Number(size), '.')));
  }
} catch (error) {
  process.stdout.write(error instanceof SecretsError ? error.code : String(error));
  process.exitCode = 1;
}
