import type { ContainerCreateOptions, ContainerInspectInfo } from 'dockerode';
import type { ActionOf, Instance, InstanceKey } from '@orca/reconcile';
import type { ServiceSpec } from '@orca/spec';
import { containerConfig } from './container-config.ts';
import type { DockerRuntime, DockerRuntimeOptions } from './docker-runtime.ts';
import { Engine, engineMessage, statusOf, type EngineVersion } from './engine.ts';
import { RuntimeError } from './errors.ts';
import { bringFiles } from './bring-files.ts';
import { Calls, shortMs } from './calls.ts';
import { diskFault, diskOf } from './disk.ts';
import { driftOf, formatDrift, type Drift } from './drift.ts';
import { imagesInUse, removeImage } from './image-removal.ts';
import { ignoredStop } from './ignored-stop.ts';
import { createImages } from './images.ts';
import { createInspections, type Inspections } from './inspections.ts';
import { machineOf, type Machine } from './machine.ts';
import { mend, reconnect, rejoin } from './mend.ts';
import { Places } from './places.ts';
import { createSecretFiles, defaultSecretDirs, type SecretFiles } from './secret-files.ts';
import { label, labelsOf, restartOf } from './labels.ts';
import { noRestart, RestartPolicies } from './restart-policies.ts';
import { containerLines, type ContainerLine, type LogOptions } from './container-logs.ts';
import { nameTaken } from './name-taken.ts';
import { candidateName, retiredName, sharedNetwork, stableName } from './names.ts';
import {
  asInstance,
  detailsOf,
  seenOfInspect,
  seenOfList,
  stageOfSeen,
  wantedNetworks,
  type InstanceDetails,
  type Seen,
} from './seen.ts';
import { startError } from './start-error.ts';
import { watchEngine, type EngineEvent } from './watch.ts';

const defaultHost = 'unix:///var/run/docker.sock';
const createMs = 120_000;
/** What a stop may take beyond its grace before the call itself is given up. */
const stopMarginMs = 15_000;
/** Shorter than the time between two full looks, so that each of those asks the engine anew. */
const inspectionAgeMs = 20_000;
/** Longer than any creation takes: what is younger may belong to a container that is being made. */
const sweepEveryMs = 600_000;

export const createDockerRuntime = (o: DockerRuntimeOptions): DockerRuntime => new ContainerRuntime(o);

class ContainerRuntime implements DockerRuntime {
  readonly #o: DockerRuntimeOptions;
  readonly #engine: Engine;
  readonly #images: ReturnType<typeof createImages>;
  readonly #calls: Calls;
  readonly #places: Places;
  readonly #secretFiles: SecretFiles;
  #sweptAt = Number.NEGATIVE_INFINITY;
  readonly #machine: () => Promise<Machine>;
  /** Where instances were last seen: asking for one by its id costs the engine half of a search by label. */
  readonly #ids = new Map<InstanceKey, string>();
  readonly #inspections: Inspections;
  readonly #restarts: RestartPolicies;

  constructor(o: DockerRuntimeOptions) {
    this.#o = o;
    this.#engine = new Engine({ host: o.host ?? process.env['DOCKER_HOST'] ?? defaultHost });
    this.#machine = machineOf(this.#engine);
    this.#inspections = createInspections({
      inspect: (id) => this.#inspectId(id),
      maxAgeMs: inspectionAgeMs,
      now: () => performance.now(),
    });
    const onMutation = (call: string): void => o.onMutation?.(call);
    this.#calls = new Calls({ engine: this.#engine, onMutation, onActed: (id) => this.#inspections.forget(id) });
    this.#restarts = new RestartPolicies({
      calls: this.#calls,
      inspect: (id) => this.#inspectId(id),
      isHeld: (key) => o.isHeld?.(key) === true,
    });
    this.#places = new Places(this.#calls, this.#engine, o.cluster);
    this.#secretFiles = createSecretFiles(o.secretDirs ?? defaultSecretDirs(process.geteuid?.() ?? 0), o.cluster);
    this.#images = createImages({
      engine: this.#engine,
      onMutation,
      onPulled: (pulled) => o.onPulled?.(pulled),
      diskFault: () => this.diskFault(),
    });
  }

  async ping(signal: AbortSignal): Promise<EngineVersion> {
    signal.throwIfAborted();
    return this.#engine.version();
  }

  async observe(signal: AbortSignal): Promise<readonly Instance[]> {
    return (await this.#look(signal)).map(({ seen, info, drift }) => asInstance(seen, info, drift.map(formatDrift)));
  }

  async details(signal: AbortSignal): Promise<readonly InstanceDetails[]> {
    return (await this.#look(signal)).map(({ seen, info, drift }) => detailsOf(seen, info, drift.map(formatDrift)));
  }

  async inspect(key: InstanceKey): Promise<InstanceDetails | undefined> {
    const seen = await this.#find(key);
    const info = seen?.inspected ?? (seen === undefined ? undefined : await this.#inspectId(seen.id));
    if (seen === undefined || info === undefined) return undefined;
    return detailsOf(seen, info, (await this.#driftOf(seen, info)).map(formatDrift));
  }

  async addressOf(key: InstanceKey): Promise<string | undefined> {
    return (await this.#find(key))?.address;
  }

  watch(onEvent: (event: EngineEvent) => void, signal: AbortSignal): Promise<void> {
    const hear = (event: EngineEvent): void => {
      if (event.type === 'changed') this.#inspections.forget(event.containerId);
      onEvent(event);
    };
    return watchEngine(this.#engine, { cluster: this.#o.cluster, onEvent: hear, signal });
  }

  refresh(spec: ServiceSpec, signal: AbortSignal): Promise<string | undefined> {
    return this.#images.refresh(spec, signal);
  }

  async diskFault(): Promise<string | undefined> {
    const { dataDirectory } = await this.#machine();
    const disk = await diskOf(dataDirectory);
    return disk === undefined ? undefined : diskFault(dataDirectory, disk);
  }

  imageId(image: string, signal: AbortSignal): Promise<string | undefined> {
    signal.throwIfAborted();
    return this.#images.idOf(image);
  }

  imagesInUse(signal: AbortSignal): Promise<ReadonlySet<string>> {
    signal.throwIfAborted();
    return imagesInUse(this.#engine);
  }

  removeImage(id: string, signal: AbortSignal): Promise<'removed' | 'kept'> {
    signal.throwIfAborted();
    return removeImage(this.#calls, id);
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
    await this.#places.ensureNetwork(network, spec.name);
    if (spec.internal === true) await this.#places.ensureNetwork(sharedNetwork, spec.name);
    await this.#places.ensureVolumes(spec);
    const image = await this.#images.resolve(spec.image, this.#o.imageOf?.(key));
    if (!image.isMeant)
      this.#o.onWarning?.(`${spec.name}: the image of this revision is gone; made from what ${spec.image} is now`);
    const origin = { imageDigest: image.digest, operation: this.#o.operationOf?.(key) };
    const labels = labelsOf(spec, { cluster: this.#o.cluster, slot, revision, key, network, ...origin });
    const { env, command, entrypoint, files = [] } = await this.#o.env.render(spec);
    signal.throwIfAborted();
    const placed = files.length === 0 ? [] : await this.#secretFiles.place(key, files);
    // Beside a proven instance nothing but orca may start it: an engine that restarts would make two of them.
    const restart = isReplacement ? noRestart : restartOf(labels);
    const config = containerConfig({
      spec,
      image: image.name,
      name: candidateName(spec.name, slot),
      labels,
      network,
      env,
      command,
      entrypoint,
      files: placed,
      restart,
    });
    await this.#createContainer(config, key, () => this.#places.renewNetwork(network, spec.name));
  }

  /** Tries first and asks after: a held name and a network that was removed meanwhile are both rare. */
  async #createContainer(
    config: ContainerCreateOptions,
    key: InstanceKey,
    renewNetwork: () => Promise<void>,
  ): Promise<void> {
    const name = config.name ?? '';
    const attempt = (): Promise<void> =>
      this.#calls.change(`create ${name}`, createMs, async (docker) => {
        this.#ids.set(key, (await docker.createContainer(config)).id);
      });
    try {
      await attempt();
    } catch (error) {
      const status = statusOf(error);
      if (status === 409) await this.#clearName(name, key);
      else if (status === 404 && /network/.test(engineMessage(error))) {
        await renewNetwork();
      } else throw error;
      if (status === 409 && (await this.#find(key)) !== undefined) return;
      await attempt();
    }
  }

  async start(key: InstanceKey, signal: AbortSignal): Promise<void> {
    const seen = await this.#mustFind(key);
    signal.throwIfAborted();
    if (seen.state === 'paused') {
      await this.#calls.act(seen, 'unpause', (container) => container.unpause());
      return;
    }
    const info = seen.inspected ?? (await this.#inspectId(seen.id));
    const [secretFiles, env, engine] = [this.#secretFiles, this.#o.env, this.#engine];
    if (info !== undefined) await bringFiles({ secretFiles, env, engine, info }, seen);
    // The engine takes one network at creation; the other is joined before the first start.
    for (const network of wantedNetworks(seen).filter((wanted) => !seen.networks.includes(wanted)))
      await reconnect(this.#calls, seen, { network, isConnected: false });
    const run = (): Promise<void> =>
      this.#calls.act(seen, 'start', (container) => container.start(), {
        timeoutMs: createMs,
        fine: [304],
        turn: 'join or leave',
      });
    try {
      await run().catch(async (error: unknown) => {
        if (statusOf(error) !== 404 || !/network/.test(engineMessage(error))) throw error;
        for (const network of wantedNetworks(seen)) await this.#places.renewNetwork(network, seen.service);
        await rejoin(this.#calls, seen, wantedNetworks(seen));
        await run();
      });
    } catch (error) {
      throw startError(seen, error);
    }
    // A proven one was taken out of the engine's hands when it was stopped; it gets its policy back.
    if (stageOfSeen(seen) === 'current') await this.#restarts.set(seen, this.#restarts.wanted(seen));
  }

  async stop(key: InstanceKey, graceMs: number, signal: AbortSignal): Promise<void> {
    const seen = await this.#find(key);
    if (seen === undefined || seen.state === 'exited' || seen.state === 'created') return;
    signal.throwIfAborted();
    // First the policy: an engine that restarts in the middle must not revive what is to stay stopped.
    await this.#restarts.set(seen, noRestart);
    const seconds = Math.ceil(graceMs / 1000);
    const begun = performance.now();
    await this.#calls.act(seen, 'stop', (container) => container.stop({ t: seconds }), {
      timeoutMs: graceMs + stopMarginMs,
      fine: [304, 404],
      turn: 'join or leave',
    });
    if (performance.now() - begun < seconds * 1000) return;
    const warning = ignoredStop(seen.service, await this.#inspectId(seen.id), seconds);
    if (warning !== undefined) this.#o.onWarning?.(warning);
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
    await this.#restarts.set(seen, restartOf(seen.labels));
  }

  async repair(key: InstanceKey): Promise<void> {
    const seen = await this.#mustFind(key);
    for (const drift of await this.#driftOf(seen, seen.inspected)) {
      if (drift.kind === 'name') await this.commit(key);
      else if (drift.kind === 'restart') await this.#restarts.set(seen, this.#restarts.wanted(seen));
      else await mend(this.#calls, seen, drift, await this.#machine());
    }
    this.#inspections.forget(seen.id);
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
    const info = id === undefined ? undefined : await this.#inspectId(id);
    const known = info === undefined ? undefined : seenOfInspect(info);
    if (known?.key === key) return known;
    const found = (await this.#list([`${label.key}=${key}`])).filter((s) => s.key === key);
    const seen = found.find((s) => s.state === 'running') ?? found[0];
    if (seen === undefined) this.#ids.delete(key);
    else this.#ids.set(key, seen.id);
    return seen;
  }

  /** `undefined` when it is gone. */
  async #inspectId(id: string): Promise<ContainerInspectInfo | undefined> {
    try {
      return await this.#engine.call('inspect container', shortMs, (docker) => docker.getContainer(id).inspect());
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

  /** Everything of this cluster with all that is known of it. Gone between the list and the look is gone. */
  async #look(
    signal: AbortSignal,
  ): Promise<readonly { seen: Seen; info: ContainerInspectInfo; drift: readonly Drift[] }[]> {
    signal.throwIfAborted();
    const all = await Promise.all(
      (await this.#list()).map(async (seen) => {
        const info = await this.#inspections.of(seen.id, seen.state);
        return info === undefined ? [] : [{ seen, info, drift: await this.#driftOf(seen, info) }];
      }),
    );
    await this.#sweep(new Set(all.flat().map(({ seen }) => seen.key)));
    return all.flat();
  }

  /** A crash came between a file and its container, or somebody removed the container by hand. */
  async #sweep(keys: ReadonlySet<InstanceKey>): Promise<void> {
    if (performance.now() - this.#sweptAt < sweepEveryMs) return;
    this.#sweptAt = performance.now();
    await this.#secretFiles.sweep(keys, Date.now() - sweepEveryMs);
  }

  /** What is not proven, or does not run, is brought up anew if it is wanted: nothing to repair. */
  async #driftOf(seen: Seen, info: ContainerInspectInfo | undefined): Promise<readonly Drift[]> {
    if (seen.state !== 'running' || stageOfSeen(seen) !== 'current') return [];
    return driftOf(seen, info, { machine: await this.#machine(), restart: this.#restarts.wanted(seen) });
  }

  /** The name of a candidate may be held by an unproven one of ours, which goes, or by a stranger, who stays. */
  async #clearName(name: string, key: InstanceKey): Promise<void> {
    const holders = await this.#engine.call('list containers', shortMs, (docker) =>
      docker.listContainers({ all: true, filters: { name: [`^/${name}$`] } }),
    );
    for (const holder of holders.filter((c) => c.Names.includes(`/${name}`))) {
      const own = (await this.#list()).find((s) => s.id === holder.Id);
      if (own === undefined) {
        throw nameTaken(name, { holder: ` (${holder.Id.slice(0, 12)}, ${holder.Image})` });
      }
      if (own.key === key) return;
      await this.stop(own.key, 10_000, new AbortController().signal);
      await this.#removeStopped(own);
    }
  }

  async #rename(seen: Seen, name: string): Promise<void> {
    try {
      await this.#calls.act(seen, `rename to ${name}:`, (container) => container.rename({ name }), { turn: 'rename' });
    } catch (error) {
      if (statusOf(error) !== 409) throw error;
      throw nameTaken(name, { cause: error });
    }
  }

  /** Never forced and never with its volumes: what still runs, or holds data, is not ours to end here. */
  async #removeStopped(seen: Seen): Promise<void> {
    try {
      await this.#calls.act(seen, 'remove', (container) => container.remove({ force: false, v: false }), {
        fine: [404],
      });
    } catch (error) {
      // 409 also says "it still runs", which is no success.
      if (statusOf(error) !== 409 || !/already in progress/.test(engineMessage(error))) throw error;
    }
    this.#ids.delete(seen.key);
    await this.#secretFiles.remove(seen.key);
  }
}
