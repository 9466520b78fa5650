import { TestEnvironment } from 'jest-environment-node';

// Errors thrown by Node's own modules come from another realm, so inside jest
// `error instanceof Error` would be false. Let each side accept the other's.
const names = [
  'Error',
  'TypeError',
  'RangeError',
  'SyntaxError',
  'ReferenceError',
  'EvalError',
  'URIError',
  'AggregateError',
  'Array',
];
const plain = Function.prototype[Symbol.hasInstance];

export default class extends TestEnvironment {
  async setup() {
    await super.setup();
    for (const name of names) {
      const inner = this.global[name];
      const outer = globalThis[name];
      Object.defineProperty(inner, Symbol.hasInstance, {
        configurable: true,
        value(value) {
          return plain.call(this, value) || (this === inner && value instanceof outer);
        },
      });
    }
  }
}
