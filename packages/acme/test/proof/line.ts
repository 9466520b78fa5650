/** One promise of the package, done to the real thing. */
export interface ProofLine {
  readonly name: string;
  /** Throws when the promise is broken; resolves with the figures. `short` is for CI. */
  readonly run: (short: boolean) => Promise<string>;
}

export class BrokenPromise extends Error {
  override readonly name: string = 'BrokenPromise';
}

export function holds(condition: boolean, otherwise: string): asserts condition {
  if (!condition) throw new BrokenPromise(otherwise);
}

export function repeated(values: readonly string[]): readonly string[] {
  return values.filter((value, at) => values.indexOf(value) !== at);
}
