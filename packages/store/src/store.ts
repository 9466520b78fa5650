export interface Entry {
  readonly id: string;
  readonly value: unknown;
}

/** One of several changes that belong together. */
export type Change =
  | { readonly type: 'put'; readonly kind: string; readonly id: string; readonly value: object }
  | { readonly type: 'delete'; readonly kind: string; readonly id: string }
  | { readonly type: 'append'; readonly kind: string; readonly record: object };

/**
 * Durable records of the control plane, in two shapes. `put` keeps a value under a kind and
 * an id, where the last one counts; `append` adds to a journal, which only grows at its end.
 * Values are what JSON can hold, and come back as `unknown`: another version may have
 * written them.
 *
 * A write that has resolved survives the end of the process and of the machine; one that
 * rejects has changed nothing. Losing the whole store loses history, never a workload.
 * Small and asynchronous on purpose: another engine can take its place.
 */
export interface Store {
  /** `undefined` when there is none. */
  get(kind: string, id: string): Promise<unknown>;
  put(kind: string, id: string, value: object): Promise<void>;
  /** False when there was none. */
  delete(kind: string, id: string): Promise<boolean>;
  /** All of a kind, sorted by id. */
  list(kind: string): Promise<readonly Entry[]>;
  /** Adds a record to a journal. One that grows too long loses its oldest records. */
  append(kind: string, record: object): Promise<void>;
  /** All of these changes, in their order, or none: whatever happens meanwhile, nobody ever finds a part of them. */
  write(changes: readonly Change[]): Promise<void>;
  /** The last records of a journal, oldest first. */
  tail(kind: string, limit: number): Promise<readonly unknown[]>;
  /** Further calls reject; a second close does not. */
  close(): Promise<void>;
}
