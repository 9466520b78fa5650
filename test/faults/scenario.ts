/** One fault that orca must survive, run against the real program, a real engine and real containers. */
export interface Scenario {
  /** Its number, `F1`; see docs/faults.md. */
  readonly id: string;
  /** What is done to orca, in a line. */
  readonly title: string;
  /** How often: `short` in CI, `full` by hand. */
  readonly counts: { readonly short: number; readonly full: number };
  /** Whether CI runs its short form. */
  readonly inCi: boolean;
  run(context: ScenarioContext): Promise<ScenarioResult>;
}

export interface ScenarioContext {
  readonly count: number;
  /** All randomness comes from here, so that a failed run can be had again. */
  readonly seed: number;
  /** A line of progress. */
  log(line: string): void;
  readonly signal: AbortSignal;
}

export interface ScenarioResult {
  /** What was measured, for example `200/200 converged, p95 1.2 s`. */
  readonly figures: readonly string[];
  /** What must not happen and did; empty when the scenario is passed. */
  readonly violations: readonly string[];
}
