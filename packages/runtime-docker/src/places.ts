import type { ServiceSpec } from '@orca/spec';
import { shortMs, type Calls } from './calls.ts';
import { statusOf, type Engine } from './engine.ts';
import { RuntimeError } from './errors.ts';
import { label } from './labels.ts';

/** Networks and volumes that containers need: made when they are missing, never removed. */
export class Places {
  readonly #calls: Calls;
  readonly #engine: Engine;
  readonly #cluster: string;
  readonly #networks = new Map<string, Promise<void>>();

  constructor(calls: Calls, engine: Engine, cluster: string) {
    this.#calls = calls;
    this.#engine = engine;
    this.#cluster = cluster;
  }

  /** Known once it is there. */
  ensureNetwork(name: string, service: string): Promise<void> {
    const known = this.#networks.get(name);
    if (known !== undefined) return known;
    const made = this.#makeNetwork(name, service);
    this.#networks.set(name, made);
    // A failed try says nothing about the next.
    made.catch(() => this.#networks.delete(name));
    return made;
  }

  async #makeNetwork(name: string, service: string): Promise<void> {
    const found = await this.#engine.call('list networks', shortMs, (docker) =>
      docker.listNetworks({ filters: { name: [name] } }),
    );
    if (found.some((n) => n.Name === name)) return;
    if (!name.startsWith('orca-')) {
      throw new RuntimeError(
        'ORCA_RUNTIME_NOT_FOUND',
        `${service}: network ${name} does not exist (try: docker network create ${name})`,
        { retryable: false },
      );
    }
    const Labels = { [label.managed]: 'true', [label.cluster]: this.#cluster };
    await this.#calls.change(
      `create network ${name}`,
      shortMs,
      (docker) => docker.createNetwork({ Name: name, Driver: 'bridge', CheckDuplicate: true, Labels }),
      { fine: [409] },
    );
  }

  /** A volume is made with our labels when it is new; one that exists is used as it is. */
  async ensureVolumes(spec: ServiceSpec): Promise<void> {
    for (const { source } of spec.volumes) {
      const isThere = await this.#engine
        .call(`inspect volume ${source}`, shortMs, (docker) => docker.getVolume(source).inspect())
        .then(() => true)
        .catch((error: unknown) => {
          if (statusOf(error) === 404) return false;
          throw error;
        });
      if (isThere) continue;
      const Labels = { [label.managed]: 'true', [label.cluster]: this.#cluster, [label.service]: spec.name };
      await this.#calls.change(`create volume ${source}`, shortMs, (docker) =>
        docker.createVolume({ Name: source, Labels }),
      );
    }
  }

  /** What was known of networks turned out to be wrong: somebody removed one. */
  renewNetwork(name: string, service: string): Promise<void> {
    this.#networks.clear();
    return this.ensureNetwork(name, service);
  }
}
