import type Docker from 'dockerode';
import type { ContainerCreateOptions } from 'dockerode';
import type { ActionOf, Instance, InstanceKey, Runtime } from '@orca/reconcile';
import type { ServiceSpec } from '@orca/spec';
import { containerConfig } from './container-config.ts';
import { Engine, engineMessage, statusOf, type EngineVersion } from './engine.ts';
import { RuntimeError } from './errors.ts';
import { createImages } from './images.ts';
import { label, labelsOf, restartOf, type RestartPolicy } from './labels.ts';
import { containerLines, type ContainerLine, type LogOptions } from './container-logs.ts';
import { candidateName, retiredName, stableName } from './names.ts';
import {
  asInstance,
  detailsOf,
  seenOfInspect,
  seenOfList,
  stageOfSeen,
  type InstanceDetails,
  type Seen,
} from './seen.ts';

/** Fills in what only the last moment may know. */
export interface EnvSource {
  /** Called right before `create`; the only place where a secret is revealed. */
  render(
    spec: ServiceSpec,
  ): Promise<{ readonly env: Readonly<Record<string, string>>; readonly command: readonly string[] | undefined }>;
}

export interface DockerRuntimeOptions {
  /** Only containers of this cluster are seen or touched. */
  readonly cluster: string;
  readonly env: EnvSource;
  /** `unix:///…` or `tcp://…`; `DOCKER_HOST`, else the usual socket, unless told. */
  readonly host?: string;
  /** Told of every call that can change something in the engine. */
  readonly onMutation?: (call: string) => void;
  /** Told when an image could not be refreshed and the local one is used instead. */
  readonly onWarning?: (message: string) => void;
}

export interface DockerRuntime extends Runtime<ServiceSpec> {
  ping(signal: AbortSignal): Promise<EngineVersion>;
  details(signal: AbortSignal): Promise<readonly InstanceDetails[]>;
  /** One instance, freshly looked at; `undefined` when there is none. */
  inspect(key: InstanceKey): Promise<InstanceDetails | undefined>;
  addressOf(key: InstanceKey): Promise<string | undefined>;
  logs(key: InstanceKey, options: LogOptions): AsyncIterable<ContainerLine>;
  /** The local image's id, `undefined` when it is not there. */
  imageId(image: string, signal: AbortSignal): Promise<string | undefined>;
}

const noRestart: RestartPolicy = { Name: 'no', MaximumRetryCount: 0 };
const defaultHost = 'unix:///var/run/docker.sock';
const shortMs = 15_000;
const createMs = 120_000;
/** What a stop may take beyond its grace before the call itself is given up. */
const stopMarginMs = 15_000;

export const createDockerRuntime = (o: DockerRuntimeOptions): DockerRuntime => new ContainerRuntime(o);

class ContainerRuntime implements DockerRuntime {
  readonly #o: DockerRuntimeOptions;
  readonly #engine: Engine;
  readonly #images: ReturnType<typeof createImages>;
  readonly #networks = new Map<string, Promise<void>>();
  /** Where instances were last seen: asking for one by its id costs the engine half of a search by label. */
  readonly #ids = new Map<InstanceKey, string>();

  constructor(o: DockerRuntimeOptions) {
    this.#o = o;
    this.#engine = new Engine({ host: o.host ?? process.env['DOCKER_HOST'] ?? defaultHost });
    this.#images = createImages({
      engine: this.#engine,
      onMutation: (call) => this.#mutate(call),
      onWarning: (message) => o.onWarning?.(message),
    });
  }

  async ping(signal: AbortSignal): Promise<EngineVersion> {
    signal.throwIfAborted();
    return this.#engine.version();
  }

  async observe(signal: AbortSignal): Promise<readonly Instance[]> {
    signal.throwIfAborted();
    return (await this.#list()).map(asInstance);
  }

  async details(signal: AbortSignal): Promise<readonly InstanceDetails[]> {
    signal.throwIfAborted();
    const seen = await this.#list();
    const all = await Promise.all(seen.map((s) => this.#detail(s)));
    return all.filter((d) => d !== undefined);
  }

  async inspect(key: InstanceKey): Promise<InstanceDetails | undefined> {
    const seen = await this.#find(key);
    return seen === undefined ? undefined : this.#detail(seen);
  }

  async addressOf(key: InstanceKey): Promise<string | undefined> {
    return (await this.#find(key))?.address;
  }

  imageId(image: string, signal: AbortSignal): Promise<string | undefined> {
    signal.throwIfAborted();
    return this.#images.idOf(image);
  }

  prepare(spec: ServiceSpec, signal: AbortSignal): Promise<void> {
    return this.#images.ensure(spec, signal);
  }

  async create(
    { key, slot, revision, spec, isReplacement }: ActionOf<ServiceSpec, 'create'>,
    signal: AbortSignal,
  ): Promise<void> {
    if ((await this.#find(key)) !== undefined) return;
    const network = spec.network ?? `orca-${spec.project}`;
    await this.#ensureNetwork(network, spec);
    await this.#ensureVolumes(spec);
    const labels = labelsOf(spec, { cluster: this.#o.cluster, slot, revision, key, network });
    const { env, command } = await this.#o.env.render(spec);
    signal.throwIfAborted();
    // Beside a proven instance nothing but orca may start it: an engine that restarts would make two of them.
    const restart = isReplacement ? noRestart : restartOf(labels);
    const config = containerConfig({
      spec,
      name: candidateName(spec.name, slot),
      labels,
      network,
      env,
      command,
      restart,
    });
    await this.#createContainer(config, key, () => this.#ensureNetwork(network, spec));
  }

  /** Tries first and asks after: a held name and a network that was removed meanwhile are both rare. */
  async #createContainer(
    config: ContainerCreateOptions,
    key: InstanceKey,
    ensureNetwork: () => Promise<void>,
  ): Promise<void> {
    const name = config.name ?? '';
    const attempt = (): Promise<void> =>
      this.#change(`create ${name}`, createMs, async (docker) => {
        this.#ids.set(key, (await docker.createContainer(config)).id);
      });
    try {
      await attempt();
    } catch (error) {
      const status = statusOf(error);
      if (status === 409) await this.#clearName(name, key);
      else if (status === 404 && /network/.test(engineMessage(error))) {
        this.#networks.clear();
        await ensureNetwork();
      } else throw error;
      if (status === 409 && (await this.#find(key)) !== undefined) return;
      await attempt();
    }
  }

  async start(key: InstanceKey, signal: AbortSignal): Promise<void> {
    const seen = await this.#mustFind(key);
    signal.throwIfAborted();
    if (seen.state === 'paused') {
      await this.#change(`unpause ${seen.name}`, shortMs, (docker) => docker.getContainer(seen.id).unpause());
      return;
    }
    try {
      await this.#change(`start ${seen.name}`, createMs, (docker) => docker.getContainer(seen.id).start(), [304]);
    } catch (error) {
      throw startError(seen, error);
    }
    // A proven one was taken out of the engine's hands when it was stopped; it gets its policy back.
    if (stageOfSeen(seen) === 'current') await this.#setRestart(seen, restartOf(seen.labels));
  }

  async stop(key: InstanceKey, graceMs: number, signal: AbortSignal): Promise<void> {
    const seen = await this.#find(key);
    if (seen === undefined || seen.state === 'exited' || seen.state === 'created') return;
    signal.throwIfAborted();
    // First the policy: an engine that restarts in the middle must not revive what is to stay stopped.
    await this.#setRestart(seen, noRestart);
    const seconds = Math.ceil(graceMs / 1000);
    await this.#change(
      `stop ${seen.name}`,
      graceMs + stopMarginMs,
      (docker) => docker.getContainer(seen.id).stop({ t: seconds }),
      [304, 404],
    );
  }

  async commit(key: InstanceKey): Promise<void> {
    const seen = await this.#mustFind(key);
    const stable = stableName(seen.service, seen.slot);
    if (seen.name !== stable) {
      const others = (await this.#list([`${label.service}=${seen.service}`])).filter(
        (s) => s.slot === seen.slot && s.id !== seen.id,
      );
      const holder = others.find((s) => s.name === stable);
      if (holder !== undefined) {
        const retired = others.find((s) => s.name === retiredName(seen.service, seen.slot));
        if (retired !== undefined) await this.#removeStopped(retired);
        await this.#rename(holder, retiredName(seen.service, seen.slot));
      }
      await this.#rename(seen, stable);
    }
    await this.#setRestart(seen, restartOf(seen.labels));
  }

  async remove(key: InstanceKey): Promise<void> {
    const seen = await this.#find(key);
    if (seen !== undefined) await this.#removeStopped(seen);
  }

  async *logs(key: InstanceKey, options: LogOptions): AsyncGenerator<ContainerLine> {
    const seen = await this.#mustFind(key);
    yield* containerLines(await this.#engine.docker(), seen.id, options);
  }

  async #list(filter: readonly string[] = []): Promise<readonly Seen[]> {
    const filters = { label: [`${label.cluster}=${this.#o.cluster}`, `${label.managed}=true`, ...filter] };
    const found = await this.#engine.call('list containers', shortMs, (docker) =>
      docker.listContainers({ all: true, filters }),
    );
    return found.flatMap((c) => seenOfList(c) ?? []);
  }

  async #find(key: InstanceKey): Promise<Seen | undefined> {
    const id = this.#ids.get(key);
    const known = id === undefined ? undefined : await this.#inspectId(id);
    if (known?.key === key) return known;
    const found = (await this.#list([`${label.key}=${key}`])).filter((s) => s.key === key);
    const seen = found.find((s) => s.state === 'running') ?? found[0];
    if (seen === undefined) this.#ids.delete(key);
    else this.#ids.set(key, seen.id);
    return seen;
  }

  /** `undefined` when it is gone. */
  async #inspectId(id: string): Promise<Seen | undefined> {
    try {
      const info = await this.#engine.call('inspect container', shortMs, (docker) => docker.getContainer(id).inspect());
      return seenOfInspect(info);
    } catch (error) {
      if (statusOf(error) === 404) return undefined;
      throw error;
    }
  }

  async #mustFind(key: InstanceKey): Promise<Seen> {
    const seen = await this.#find(key);
    if (seen !== undefined) return seen;
    throw new RuntimeError('ORCA_RUNTIME_NOT_FOUND', `${key} has no container any more (was it removed by hand?)`, {
      retryable: true,
    });
  }

  /** Gone between the list and the look is `undefined`: the next observation tells. */
  async #detail(seen: Seen): Promise<InstanceDetails | undefined> {
    const full = seen.inspected === undefined ? await this.#inspectId(seen.id) : seen;
    return full?.inspected === undefined ? undefined : detailsOf(full, full.inspected);
  }

  #ensureNetwork(name: string, spec: ServiceSpec): Promise<void> {
    const known = this.#networks.get(name);
    if (known !== undefined) return known;
    const made = this.#makeNetwork(name, spec);
    this.#networks.set(name, made);
    // Known once it is there; a failed try says nothing about the next.
    made.catch(() => this.#networks.delete(name));
    return made;
  }

  async #makeNetwork(name: string, spec: ServiceSpec): Promise<void> {
    const found = await this.#engine.call('list networks', shortMs, (docker) =>
      docker.listNetworks({ filters: { name: [name] } }),
    );
    if (found.some((n) => n.Name === name)) return;
    if (!name.startsWith('orca-')) {
      throw new RuntimeError(
        'ORCA_RUNTIME_NOT_FOUND',
        `${spec.name}: network ${name} does not exist (try: docker network create ${name})`,
        { retryable: false },
      );
    }
    const Labels = { [label.managed]: 'true', [label.cluster]: this.#o.cluster };
    await this.#change(
      `create network ${name}`,
      shortMs,
      (docker) => docker.createNetwork({ Name: name, Driver: 'bridge', CheckDuplicate: true, Labels }),
      [409],
    );
  }

  /** A volume is made with our labels when it is new; one that exists is used as it is. */
  async #ensureVolumes(spec: ServiceSpec): Promise<void> {
    for (const { source } of spec.volumes) {
      const isThere = await this.#engine
        .call(`inspect volume ${source}`, shortMs, (docker) => docker.getVolume(source).inspect())
        .then(() => true)
        .catch((error: unknown) => {
          if (statusOf(error) === 404) return false;
          throw error;
        });
      if (isThere) continue;
      const Labels = { [label.managed]: 'true', [label.cluster]: this.#o.cluster, [label.service]: spec.name };
      await this.#change(`create volume ${source}`, shortMs, (docker) => docker.createVolume({ Name: source, Labels }));
    }
  }

  /** The name of a candidate may be held by an unproven one of ours, which goes, or by a stranger, who stays. */
  async #clearName(name: string, key: InstanceKey): Promise<void> {
    const holders = await this.#engine.call('list containers', shortMs, (docker) =>
      docker.listContainers({ all: true, filters: { name: [`^/${name}$`] } }),
    );
    for (const holder of holders.filter((c) => c.Names.includes(`/${name}`))) {
      const own = (await this.#list()).find((s) => s.id === holder.Id);
      if (own === undefined) {
        throw new RuntimeError(
          'ORCA_RUNTIME_NAME_TAKEN',
          `the name ${name} is held by a container that orca did not make (${holder.Id.slice(0, 12)}, ${holder.Image}); rename or remove it`,
          { retryable: false },
        );
      }
      if (own.key === key) return;
      await this.stop(own.key, 10_000, new AbortController().signal);
      await this.#removeStopped(own);
    }
  }

  async #rename(seen: Seen, name: string): Promise<void> {
    try {
      await this.#change(`rename ${seen.name} to ${name}`, shortMs, (docker) =>
        docker.getContainer(seen.id).rename({ name }),
      );
    } catch (error) {
      if (statusOf(error) !== 409) throw error;
      throw new RuntimeError(
        'ORCA_RUNTIME_NAME_TAKEN',
        `the name ${name} is held by a container that orca did not make; rename or remove it`,
        { retryable: false, cause: error },
      );
    }
  }

  /** Asking is cheap, and changing costs the engine ten times as much: only what differs is changed. */
  async #setRestart(seen: Seen, policy: RestartPolicy): Promise<void> {
    const inspected = seen.inspected ?? (await this.#inspectId(seen.id))?.inspected;
    if (inspected === undefined || inspected.HostConfig.RestartPolicy?.Name === policy.Name) return;
    const what = `restart policy ${policy.Name} for ${seen.name}`;
    await this.#change(
      what,
      shortMs,
      (docker) => docker.getContainer(seen.id).update({ RestartPolicy: policy }),
      [404],
    );
  }

  /** Never forced and never with its volumes: what still runs, or holds data, is not ours to end here. */
  async #removeStopped(seen: Seen): Promise<void> {
    try {
      await this.#change(
        `remove ${seen.name}`,
        shortMs,
        (docker) => docker.getContainer(seen.id).remove({ force: false, v: false }),
        [404],
      );
    } catch (error) {
      // 409 also says "it still runs", which is no success.
      if (statusOf(error) !== 409 || !/already in progress/.test(engineMessage(error))) throw error;
    }
    this.#ids.delete(seen.key);
  }

  /** One mutating call; the statuses named mean that it was so already. */
  async #change(
    what: string,
    timeoutMs: number,
    task: (docker: Docker) => Promise<unknown>,
    fine: readonly number[] = [],
  ): Promise<void> {
    this.#mutate(what);
    try {
      await this.#engine.call(what, timeoutMs, task);
    } catch (error) {
      const status = statusOf(error);
      if (status === undefined || !fine.includes(status)) throw error;
    }
  }

  #mutate(call: string): void {
    this.#o.onMutation?.(call);
  }
}

const startError = (seen: Seen, error: unknown): unknown => {
  const message = engineMessage(Error.isError(error) && error.cause !== undefined ? error.cause : error);
  const port = /(?:Bind for |listen (?:tcp|udp)\d? )(\S+?):? (?:failed|bind)/.exec(message)?.[1];
  if (!/port is already allocated|address already in use/.test(message)) return error;
  return new RuntimeError(
    'ORCA_RUNTIME_PORT_IN_USE',
    `${seen.service}: host port ${port ?? ''} is already in use; free it or change extra_ports`,
    { retryable: false, cause: error },
  );
};
