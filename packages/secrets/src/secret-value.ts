import { inspect } from 'node:util';

const MASK = '[secret]';

/**
 * A value that refuses to print itself: string conversion, JSON and `util.inspect` all give
 * `[secret]`. Only `reveal` gives the text, so that a search for it finds every place that
 * may leak. Node cannot promise to wipe a string from memory, and neither does this class.
 */
export class SecretValue {
  static {
    // Not a computed method: declarations are emitted file by file, and could not name it.
    Object.defineProperty(this.prototype, inspect.custom, { value: () => MASK });
  }

  readonly #text: string;

  private constructor(text: string) {
    this.#text = text;
  }

  static of(text: string): SecretValue {
    return new SecretValue(text);
  }

  reveal(): string {
    return this.#text;
  }

  equals(other: SecretValue): boolean {
    return this.#text === other.#text;
  }

  toString(): string {
    return MASK;
  }

  toJSON(): string {
    return MASK;
  }
}
