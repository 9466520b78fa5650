import type { Readable } from 'node:stream';

/** A stored object: its name at the target, and when it was made (milliseconds since the epoch). */
export interface Archive {
  readonly key: string;
  readonly at: number;
}

/**
 * Where archives are kept. `put` is whole or not at all: an object that can be listed is
 * complete. Aborting the signal leaves no part behind. Deleting what is not there succeeds.
 */
export interface BlobTarget {
  readonly id: string;
  /** `body` is a function because a retry needs a fresh stream. */
  put(key: string, body: () => Readable, signal: AbortSignal): Promise<void>;
  /** Throws when there is no such object. */
  get(key: string, signal: AbortSignal): Promise<Readable>;
  list(prefix: string, signal: AbortSignal): AsyncIterable<Archive>;
  delete(key: string, signal: AbortSignal): Promise<void>;
}

/** What is backed up. */
export interface VolumeSource {
  /** A way to read the volume's content, from its beginning each time it is called. */
  snapshot(volume: string, signal: AbortSignal): Promise<() => Readable>;
  /** Runs the service's own command, such as a database dump, inside it; throws unless it ended with 0. */
  runHook(service: string, command: string, signal: AbortSignal): Promise<void>;
}
