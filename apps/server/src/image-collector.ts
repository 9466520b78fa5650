/** Images by the service that runs on them: the one proven last, and the one before it. */
export interface Lineage {
  readonly current: string;
  readonly previous: string | undefined;
}

/** What is remembered of images between starts. Without it images are kept for ever, which harms nobody. */
export interface ImageRecords {
  /** Images that orca pulled, by id, with the name they were pulled by. */
  readonly pulled: Map<string, string>;
  readonly lineage: Map<string, Lineage>;
  setPulled(id: string, image: string | undefined): Promise<void>;
  setLineage(service: string, lineage: Lineage | undefined): Promise<void>;
}

export interface ImageCollectorOptions {
  readonly records: ImageRecords;
  readonly runtime: {
    imageId(image: string, signal: AbortSignal): Promise<string | undefined>;
    imagesInUse(signal: AbortSignal): Promise<ReadonlySet<string>>;
    removeImage(id: string, signal: AbortSignal): Promise<'removed' | 'kept'>;
  };
  /** Every spec that may have to be started without a pull: as deployed, and as last proven. */
  readonly specs: () => readonly { readonly image: string }[];
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** What was pulled so recently may belong to a deploy that is not written down yet. */
  readonly youngMs: number;
  readonly onRemoved: (removed: { readonly id: string; readonly image: string }) => void;
}

/**
 * Removes images that orca pulled and nobody needs any more. Each service keeps the image it
 * runs on and the one before it, so that a way back needs no registry; what somebody else
 * brought here, uses, or gave a second name is never touched.
 */
export class ImageCollector {
  readonly #o: ImageCollectorOptions;
  readonly #pulledAt = new Map<string, number>();
  #isDue = true;

  constructor(o: ImageCollectorOptions) {
    this.#o = o;
  }

  /** A pull brought an image here. */
  async pulled({ id, image }: { readonly id: string; readonly image: string }): Promise<void> {
    this.#pulledAt.set(id, this.#o.now());
    await this.#o.records.setPulled(id, image);
  }

  /** A service was proven on this image. */
  async proven(service: string, imageId: string): Promise<void> {
    const { records } = this.#o;
    const known = records.lineage.get(service);
    if (known?.current === imageId) return;
    await records.setLineage(service, { current: imageId, previous: known?.current });
    this.#isDue = true;
  }

  /** A service is gone. */
  async forget(service: string): Promise<void> {
    const { records } = this.#o;
    if (!records.lineage.has(service)) return;
    await records.setLineage(service, undefined);
    this.#isDue = true;
  }

  /** Removes what can go, if anything changed since the last time. Rejects with the engine's own error. */
  async collect(signal: AbortSignal): Promise<void> {
    if (!this.#isDue) return;
    this.#isDue = false;
    try {
      await this.#collect(signal);
    } catch (error) {
      this.#isDue = true;
      throw error;
    }
  }

  async #collect(signal: AbortSignal): Promise<void> {
    const { records, runtime, specs, onRemoved } = this.#o;
    const old = [...records.pulled.keys()].filter((id) => !this.#isYoung(id));
    // Those will be old at a later look.
    if (old.length < records.pulled.size) this.#isDue = true;
    const isProven = lineageIds(records.lineage.values());
    if (old.every((id) => isProven.has(id))) return;
    const names = [...new Set(specs().map(({ image }) => image))];
    const named = await Promise.all(names.map((image) => runtime.imageId(image, signal)));
    const kept = new Set([...isProven, ...named, ...(await runtime.imagesInUse(signal))]);
    for (const id of old) {
      if (kept.has(id)) continue;
      signal.throwIfAborted();
      // Whoever has a hold on it now took it over: it is not ours to remove any more.
      const fate = await runtime.removeImage(id, signal);
      const image = records.pulled.get(id) ?? id;
      await records.setPulled(id, undefined);
      if (fate === 'removed') onRemoved({ id, image });
    }
  }

  #isYoung(id: string): boolean {
    const at = this.#pulledAt.get(id);
    return at !== undefined && this.#o.now() - at < this.#o.youngMs;
  }
}

const lineageIds = (lineages: Iterable<Lineage>): ReadonlySet<string> =>
  new Set([...lineages].flatMap(({ current, previous }) => (previous === undefined ? [current] : [current, previous])));
