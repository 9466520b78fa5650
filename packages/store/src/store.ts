export interface Entry {
  readonly id: string;
  readonly value: unknown;
}

/**
 * Durable records of the control plane. `put` replaces what its kind and id held; `append`
 * keeps every record in order. What a call has resolved for survives a crash. Losing the
 * whole store loses history, never a workload. Small and asynchronous on purpose: another
 * engine can take its place.
 */
export interface Store {
  /** `undefined` when there is none. */
  get(kind: string, id: string): Promise<unknown>;
  put(kind: string, id: string, value: object): Promise<void>;
  /** False when there was none. */
  delete(kind: string, id: string): Promise<boolean>;
  /** All of a kind, by id. */
  list(kind: string): Promise<readonly Entry[]>;
  /** Adds a record to a journal. */
  append(kind: string, record: object): Promise<void>;
  /** The last records of a journal, oldest first. */
  tail(kind: string, limit: number): Promise<readonly unknown[]>;
  close(): Promise<void>;
}
