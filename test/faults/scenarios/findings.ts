import type { ScenarioResult } from '../scenario.ts';

/** Gathers what a scenario measured and what it saw that must not be. */
export class Findings {
  readonly #figures: string[] = [];
  readonly #violations: string[] = [];

  figure(text: string): void {
    this.#figures.push(text);
  }

  /** Notes a violation unless `isSo`; says whether it was. */
  expect(isSo: boolean, otherwise: string): boolean {
    if (!isSo) this.#violations.push(otherwise);
    return isSo;
  }

  result(): ScenarioResult {
    return { figures: this.#figures, violations: this.#violations };
  }
}

/** The value below which `share` of all lie; 0 when there are none. */
export const percentile = (values: readonly number[], share: number): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
};

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
