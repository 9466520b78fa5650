import type { SecretValue } from './secret-value.ts';

/** Gives values by name. `undefined` means that there is no such secret; an unreadable one throws. */
export interface SecretSource {
  get(name: string): Promise<SecretValue | undefined>;
}

/** What may be shown of a secret. */
export interface SecretInfo {
  readonly name: string;
  /** Counts the values it has had, from 1. */
  readonly rev: number;
  /** ISO time of the last change. */
  readonly updated: string;
}

/**
 * Keeps secrets at rest. Calls may run at the same time, in one process or in several: each
 * write is whole or not at all, and none is lost. A call that throws has changed nothing, but for
 * `ORCA_SECRETS_IO` when the disk failed after the new file had taken its place.
 */
export interface SecretStore extends SecretSource {
  /** Sorted by name. */
  names(): Promise<readonly SecretInfo[]>;
  /** All of them: for a filter that takes them out of what is shown. */
  values(): Promise<ReadonlyMap<string, SecretValue>>;
  /**
   * Keyed digests of the values: equal exactly when name and value are, and safe to keep in
   * a place that others read. They survive a change of keys. Names without a value are left out.
   */
  digests(names: readonly string[]): Promise<Readonly<Record<string, string>>>;
  /** Setting the value it already has changes nothing. */
  set(name: string, value: SecretValue): Promise<'created' | 'changed' | 'unchanged'>;
  /** False when there was none. */
  delete(name: string): Promise<boolean>;
}
