import { hideSecrets, renderTemplate, secretNames, showSecrets, type ServiceSpec, type Template } from '@orca/spec';
import type { Rendered, RenderedFile } from '@orca/runtime-docker';
import { redactor, resolveSecrets, type SecretStore, type SecretValue } from '@orca/secrets';

/** All that the control plane does with secrets. */
export interface SecretAccess {
  /** Learns all values as they are now: from here on they are taken out of everything that is shown. */
  refresh(): Promise<void>;
  /** Which of these are not set. */
  missing(names: readonly string[]): Promise<readonly string[]>;
  /** Keyed digests: they change when a value does, and cannot be turned back into it. */
  digests(names: readonly string[]): Promise<Readonly<Record<string, string>>>;
  /** Values for the fields whose text has to be known to be judged; those that are not set are left out. */
  values(names: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** A service's environment, entrypoint, command and files with values filled in. */
  render(spec: ServiceSpec): Promise<Rendered>;
  files(spec: ServiceSpec): Promise<readonly RenderedFile[]>;
  /** Takes every known value out of a text that leaves the process. */
  redact(text: string): string;
  /** Words that stand in the files for all to read, such as the names of services: hiding them would hide nothing. */
  setPublicWords(words: Iterable<string>): void;
  /** Data with the values of these secrets replaced by their names, for what is stored; `show` is the inverse. */
  hide(data: unknown, names: readonly string[]): unknown;
  show(data: unknown): Promise<{ readonly value: unknown; readonly missing: readonly string[] }>;
}

/** So many replaced values are still masked: the latest, in case one is renewed by a program every hour. */
const MOST_FORMER = 500;
/** A record in memory is a deploy old at most; several changes may lie between two deploys. */
const MOST_FORMER_OF_ONE = 8;

export const createSecretAccess = (store: SecretStore): SecretAccess => new Access(store);

class Access implements SecretAccess {
  readonly #store: SecretStore;
  /** The newest value of each name. */
  readonly #newest = new Map<string, SecretValue>();
  /** Those before it, the latest first. */
  readonly #former = new Map<string, readonly string[]>();
  /** By their text, all values that there were while this process ran: a container still prints the one before. */
  readonly #known = new Map<string, SecretValue>();
  #public: ReadonlySet<string> = new Set();
  #redact: (text: string) => string = (text) => text;

  constructor(store: SecretStore) {
    this.#store = store;
  }

  async refresh(): Promise<void> {
    this.#remember(await this.#store.values());
  }

  async missing(names: readonly string[]): Promise<readonly string[]> {
    if (names.length === 0) return [];
    const found = await resolveSecrets(names, [this.#store]);
    if (!found.ok) return found.missing;
    this.#remember(found.values);
    return [];
  }

  async digests(names: readonly string[]): Promise<Readonly<Record<string, string>>> {
    return names.length === 0 ? {} : this.#store.digests(names);
  }

  async values(names: readonly string[]): Promise<ReadonlyMap<string, string>> {
    if (names.length === 0) return new Map();
    await this.refresh();
    return this.#textsOf(names);
  }

  async render(spec: ServiceSpec): Promise<Rendered> {
    const fill = await this.#filler(spec);
    return {
      env: Object.fromEntries(Object.entries(spec.env).map(([name, template]) => [name, fill(template)])),
      command: spec.command?.map(fill),
      entrypoint: spec.entrypoint?.map(fill),
      files: filesOf(spec, fill),
    };
  }

  async files(spec: ServiceSpec): Promise<readonly RenderedFile[]> {
    return filesOf(spec, await this.#filler(spec));
  }

  redact(text: string): string {
    return this.#redact(text);
  }

  setPublicWords(words: Iterable<string>): void {
    const next = new Set(words);
    if (next.size === this.#public.size && [...next].every((word) => this.#public.has(word))) return;
    this.#public = next;
    this.#renew();
  }

  hide(data: unknown, names: readonly string[]): unknown {
    // What is in memory may have been filled in before its secret was replaced: that value is hidden as well.
    const former = names.flatMap((name) => (this.#former.get(name) ?? []).map((text) => [name, text] as const));
    return hideSecrets(data, [...this.#textsOf(names), ...former]);
  }

  async show(data: unknown): Promise<{ readonly value: unknown; readonly missing: readonly string[] }> {
    await this.refresh();
    return showSecrets(data, this.#textsOf([...this.#newest.keys()]));
  }

  async #filler(spec: ServiceSpec): Promise<(template: Template) => string> {
    const found = await resolveSecrets(secretNames(spec), [this.#store]);
    if (!found.ok) throw new Error(`${spec.name}: secrets are not set: ${found.missing.join(', ')}`);
    this.#remember(found.values);
    return (template) =>
      renderTemplate(template, (name) => {
        const value = found.values.get(name);
        if (value === undefined) throw new Error(`${spec.name}: secret ${name} is not set`);
        return value.reveal();
      });
  }

  #textsOf(names: readonly string[]): ReadonlyMap<string, string> {
    return new Map(
      names.flatMap((name) => {
        const value = this.#newest.get(name);
        return value === undefined ? [] : [[name, value.reveal()] as const];
      }),
    );
  }

  #remember(values: ReadonlyMap<string, SecretValue>): void {
    const before = this.#known.size;
    for (const [name, value] of values) {
      const replaced = this.#newest.get(name)?.reveal();
      if (replaced !== undefined && replaced !== value.reveal())
        this.#former.set(name, [replaced, ...(this.#former.get(name) ?? [])].slice(0, MOST_FORMER_OF_ONE));
      this.#newest.set(name, value);
      this.#known.set(value.reveal(), value);
    }
    if (this.#known.size === before) return;
    const current = new Set([...this.#newest.values()].map((value) => value.reveal()));
    const former = [...this.#known.keys()].filter((text) => !current.has(text));
    for (const text of former.slice(0, Math.max(0, former.length - MOST_FORMER))) this.#known.delete(text);
    this.#renew();
  }

  #renew(): void {
    this.#redact = redactor([...this.#known].flatMap(([text, value]) => (this.#public.has(text) ? [] : [value])));
  }
}

const filesOf = (spec: ServiceSpec, fill: (template: Template) => string): readonly RenderedFile[] =>
  (spec.secretFiles ?? []).map(({ target, value, uid }) => ({ target, text: fill(value), uid: uid ?? userOf(spec) }));

/** A name is looked up in the image; a number needs no looking up. */
const userOf = ({ user }: ServiceSpec): number | undefined => {
  const [id = ''] = (user ?? '').split(':');
  return /^\d{1,10}$/.test(id) ? Number(id) : undefined;
};
