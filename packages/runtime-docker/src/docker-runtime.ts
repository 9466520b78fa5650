import type { InstanceKey, Runtime } from '@orca/reconcile';
import type { ServiceSpec } from '@orca/spec';
import type { ContainerLine, LogOptions } from './container-logs.ts';
import type { EngineVersion } from './engine.ts';
import type { PulledImage } from './images.ts';
import type { InstanceDetails } from './seen.ts';
import type { RenderedFile } from './secret-files.ts';
import type { EngineEvent } from './watch.ts';

/** Fills in what only the last moment may know. */
export interface EnvSource {
  /** Called right before `create`; the only place where a secret is revealed. */
  render(spec: ServiceSpec): Promise<Rendered>;
  /** Files for an instance that is there already; `undefined` when its service is not known any more. */
  filesOf?(service: string, revision: string): Promise<readonly RenderedFile[] | undefined>;
}

/** A service's templates with their values filled in. */
export interface Rendered {
  readonly env: Readonly<Record<string, string>>;
  readonly command: readonly string[] | undefined;
  readonly entrypoint: readonly string[] | undefined;
  readonly files?: readonly RenderedFile[];
}

export interface DockerRuntimeOptions {
  /** Only containers of this cluster are seen or touched. */
  readonly cluster: string;
  readonly env: EnvSource;
  /** `unix:///…` or `tcp://…`; `DOCKER_HOST`, else the usual socket, unless told. */
  readonly host?: string;
  /** Where files with secrets may lie; the first that is in memory is used. */
  readonly secretDirs?: readonly string[];
  /** Told of every call that can change something in the engine. */
  readonly onMutation?: (call: string) => void;
  /** Told what the reader of the log should know though nothing failed: a signal that was ignored. */
  readonly onWarning?: (message: string) => void;
  /**
   * Whether only orca may start this instance again for now, not the engine by its restart
   * policy: it crashes again and again, and is to rest in between. Asked at every look.
   */
  readonly isHeld?: (key: InstanceKey) => boolean;
  /** Id of the image that an instance's revision stands for, where the name alone may mean another one by now. */
  readonly imageOf?: (key: InstanceKey) => string | undefined;
  /** Id of the operation that asked for an instance, for whoever asks the container where it comes from. */
  readonly operationOf?: (key: InstanceKey) => string | undefined;
  /** Told of every image that came here because orca pulled it. */
  readonly onPulled?: (pulled: PulledImage) => void;
}

export interface DockerRuntime extends Runtime<ServiceSpec> {
  ping(signal: AbortSignal): Promise<EngineVersion>;
  details(signal: AbortSignal): Promise<readonly InstanceDetails[]>;
  /** One instance, freshly looked at; `undefined` when there is none. */
  inspect(key: InstanceKey): Promise<InstanceDetails | undefined>;
  addressOf(key: InstanceKey): Promise<string | undefined>;
  /** Tells of events in the engine until the signal, reconnecting by itself. */
  watch(onEvent: (event: EngineEvent) => void, signal: AbortSignal): Promise<void>;
  /**
   * Looks whether the image behind a tag that may move has moved, by its digest, and pulls it
   * then. Gives a warning when the registry does not answer and the local image has to do.
   */
  refresh(spec: ServiceSpec, signal: AbortSignal): Promise<string | undefined>;
  /** Why no image should be pulled now, `undefined` while there is room on the engine's disk. */
  diskFault(): Promise<string | undefined>;
  logs(key: InstanceKey, options: LogOptions): AsyncIterable<ContainerLine>;
  /** The local image's id, `undefined` when it is not there. */
  imageId(image: string, signal: AbortSignal): Promise<string | undefined>;
  /** Ids of the images that any container on this machine was made from, whoever made it. */
  imagesInUse(signal: AbortSignal): Promise<ReadonlySet<string>>;
  /** Removes one image, unless anybody else has a hold on it. */
  removeImage(id: string, signal: AbortSignal): Promise<'removed' | 'kept'>;
}
