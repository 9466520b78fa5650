import { randomBytes } from 'node:crypto';

const keyBytes = 48;
/** RFC 9325 §3.4: whoever gets a key reads what it sealed, so none lives for long. */
const lifeMs = 86_400_000;

/** The keys of session tickets, the same in all workers: a client may come to another one next time. */
export class Tickets {
  #keys: string = randomBytes(keyBytes).toString('base64');
  #listener: (keys: string) => void = () => undefined;

  constructor() {
    setInterval(() => this.use(randomBytes(keyBytes).toString('base64')), lifeMs).unref();
  }

  /** Base64. Never on disk. */
  get keys(): string {
    return this.#keys;
  }

  onRotate(listener: (keys: string) => void): void {
    this.#listener = listener;
  }

  use(keys: string): void {
    this.#keys = keys;
    this.#listener(keys);
  }
}
