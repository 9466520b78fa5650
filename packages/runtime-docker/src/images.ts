import { Readable } from 'node:stream';
import type Docker from 'dockerode';
import type { ImageInspectInfo } from 'dockerode';
import type { ServiceSpec } from '@orca/spec';
import { statusOf, engineMessage, type Engine } from './engine.ts';
import { RuntimeError } from './errors.ts';
import { parseReference, type ImageReference } from './image-reference.ts';
import { PullProgress, type PullLine } from './pull-progress.ts';
import { readAuth } from './registry-auth.ts';

export interface ImagesOptions {
  readonly engine: Engine;
  readonly onMutation: (call: string) => void;
  /** Told of an image that a pull brought here: one that was not on this machine before. */
  readonly onPulled: (pulled: PulledImage) => void;
  /** Why nothing is to be pulled now; `undefined` while there is room. */
  readonly diskFault: () => Promise<string | undefined>;
  /** A pull of which nothing is heard for so long is given up. Default 120 s. */
  readonly silentMs?: number;
  /** A pull that does not get ahead for so long is given up, however much is heard of it; see `PullProgress`. Default 600 s. */
  readonly progressMs?: number;
}

/** An image that is here because orca fetched it. */
export interface PulledImage {
  /** As it was asked for, with its tag. */
  readonly image: string;
  /** The engine's id of its content. */
  readonly id: string;
}

export interface ResolvedImage {
  readonly name: string;
  /** The registry's digest of it, or the engine's id where it came from no registry; `undefined` when it is not here. */
  readonly digest: string | undefined;
  /** Whether it is the very image that was meant; not when that one was removed by somebody. */
  readonly isMeant: boolean;
}

export interface Images {
  idOf(image: string): Promise<string | undefined>;
  /**
   * What to make a container from: the name, unless it stands for another image than this one
   * by now, which is here: then that one's id.
   */
  resolve(image: string, id: string | undefined): Promise<ResolvedImage>;
  /** Makes sure the image is there; with the policy `always`, that it is what the registry has. */
  ensure(spec: ServiceSpec, signal: AbortSignal): Promise<void>;
  /** Pulls the image of a tag that may move, if it has moved. Gives a warning when that cannot be known. */
  refresh(spec: ServiceSpec, signal: AbortSignal): Promise<string | undefined>;
}

const maxPulls = 2;
const inspectMs = 15_000;
const digestMs = 30_000;
const longestSilenceMs = 120_000;
const progressDeadlineMs = 600_000;

export const createImages = (o: ImagesOptions): Images => {
  const { engine, onMutation, onPulled, silentMs = longestSilenceMs, progressMs = progressDeadlineMs } = o;
  const pulls = new Map<string, Promise<void>>();
  const waiting: (() => void)[] = [];
  let running = 0;

  const inspect = async (image: string): Promise<ImageInspectInfo | undefined> => {
    try {
      return await engine.call(`inspect image ${image}`, inspectMs, (docker) => docker.getImage(image).inspect());
    } catch (error) {
      if (statusOf(error) === 404) return undefined;
      throw error;
    }
  };

  const idOf = async (image: string): Promise<string | undefined> => (await inspect(image))?.Id;

  /** The digest that the registry has for the tag now: one small request, where a pull would be many. */
  const remoteDigest = async (reference: ImageReference): Promise<string> => {
    const auth = await readAuth(reference.registry);
    try {
      const found = await engine.call(`digest of ${reference.text}`, digestMs, (docker) =>
        docker.getImage(reference.text).distribution(auth === undefined ? {} : { authconfig: auth }),
      );
      return found.Descriptor.digest;
    } catch (error) {
      throw pullError(reference, error);
    }
  };

  const turn = async (): Promise<void> => {
    if (running >= maxPulls) await new Promise<void>((resolve) => waiting.push(resolve));
    running += 1;
  };

  const pullNow = async (reference: ImageReference): Promise<void> => {
    await turn();
    const call = new AbortController();
    try {
      await assertRoom(o, reference);
      const docker = await engine.docker();
      const known = await localIds(docker);
      onMutation(`pull ${reference.text}`);
      const auth = await readAuth(reference.registry);
      // A registry that takes the connection and says nothing keeps the engine from answering at all.
      const stream = await engine.call(`pull ${reference.text}`, silentMs, () =>
        docker.pull(reference.text, {
          abortSignal: call.signal,
          ...(auth === undefined ? {} : { authconfig: auth }),
        }),
      );
      await endOfPull(docker, stream, { silentMs, progressMs });
      const id = await idOf(reference.text);
      if (id === undefined) throw new Error('the pull ended, but the image is not there');
      if (!known.has(id)) onPulled({ image: reference.text, id });
    } catch (error) {
      // What is given up here, the engine gives up too; otherwise it and its connection stay until the registry answers.
      call.abort();
      throw pullError(reference, error);
    } finally {
      running -= 1;
      waiting.shift()?.();
    }
  };

  /** One pull of an image serves all who wait for it. */
  const pull = (reference: ImageReference): Promise<void> => {
    const known = pulls.get(reference.text);
    if (known !== undefined) return known;
    const started = pullNow(reference).finally(() => pulls.delete(reference.text));
    pulls.set(reference.text, started);
    return started;
  };

  const follow = async (reference: ImageReference, local: ImageInspectInfo): Promise<void> => {
    const digest = await remoteDigest(reference);
    if (!local.RepoDigests.some((known) => known.endsWith(`@${digest}`))) await pull(reference);
  };

  return {
    idOf,
    resolve: async (image, id) => {
      const found = await inspect(image);
      if (id === undefined || found?.Id === id) return { name: image, digest: digestOf(found), isMeant: true };
      const meant = await inspect(id);
      return meant === undefined
        ? { name: image, digest: digestOf(found), isMeant: false }
        : { name: id, digest: digestOf(meant), isMeant: true };
    },
    async ensure(spec, signal) {
      const reference = parseReference(spec.image);
      const local = await inspect(spec.image);
      signal.throwIfAborted();
      if (local !== undefined) {
        if (spec.pullPolicy === 'always') await unlessAborted(follow(reference, local).catch(unlessFull), signal);
        return;
      }
      if (spec.pullPolicy === 'never') {
        throw new RuntimeError(
          'ORCA_RUNTIME_IMAGE_NOT_FOUND',
          `${spec.name}: image ${spec.image} is not on this machine, and pull_policy is never`,
          { retryable: false },
        );
      }
      await unlessAborted(pull(reference), signal);
    },
    async refresh(spec, signal) {
      const reference = parseReference(spec.image);
      if (!mustRefresh(spec, reference)) return undefined;
      const local = await inspect(spec.image);
      signal.throwIfAborted();
      try {
        await unlessAborted(local === undefined ? pull(reference) : follow(reference, local), signal);
        return undefined;
      } catch (error) {
        signal.throwIfAborted();
        // What is not there at all fails in the step that needs it, with its reason.
        const why = Error.isError(error) ? error.message : String(error);
        return local === undefined ? undefined : `${why}; going on with the image that is here`;
      }
    },
  };
};

const assertRoom = async ({ diskFault }: ImagesOptions, { text }: ImageReference): Promise<void> => {
  // An engine that does not tell of its disk says with the pull itself what is wrong.
  const fault = await diskFault().catch(() => undefined);
  if (fault === undefined) return;
  const message = `image ${text} is not pulled: ${fault}; make room (docker system df shows what takes it)`;
  throw new RuntimeError('ORCA_RUNTIME_DISK_FULL', message, { retryable: true });
};

/** On a full disk the image that is here has to do: a way back must stay open. */
const unlessFull = (error: unknown): void => {
  if (!(error instanceof RuntimeError && error.code === 'ORCA_RUNTIME_DISK_FULL')) throw error;
};

/** A pull goes on for whoever else waits for it; who called off does not wait for its end. */
const unlessAborted = async (work: Promise<void>, signal: AbortSignal): Promise<void> => {
  let leave: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    leave = () => reject(signal.reason);
    signal.addEventListener('abort', leave, { once: true });
  });
  try {
    await Promise.race([work, aborted]);
  } finally {
    if (leave !== undefined) signal.removeEventListener('abort', leave);
  }
};

/** What was here before is somebody's own, even when a pull would have brought it as well. */
const localIds = async (docker: Docker): Promise<ReadonlySet<string>> =>
  new Set((await docker.listImages()).map(({ Id }) => Id));

const digestOf = (image: ImageInspectInfo | undefined): string | undefined => {
  const [found] = image?.RepoDigests ?? [];
  return found === undefined ? image?.Id : found.slice(found.indexOf('@') + 1);
};

/**
 * The engine answers 200 and tells of failures inside the stream: every line counts. A pull
 * may take long, but not without a word, nor without getting ahead: a registry that falls
 * silent, or trickles, would hold its place for ever.
 */
const endOfPull = (
  docker: Docker,
  stream: NodeJS.ReadableStream,
  { silentMs, progressMs }: { readonly silentMs: number; readonly progressMs: number },
): Promise<void> =>
  new Promise<void>((resolve, reject) => {
    const progress = new PullProgress({ deadlineMs: progressMs, now: () => performance.now() });
    let patience: NodeJS.Timeout | undefined;
    const giveUp = (why: string): void => {
      if (stream instanceof Readable) stream.destroy();
      reject(new Error(why));
    };
    const waitOn = (): void => {
      clearTimeout(patience);
      const left = progress.leftMs();
      const why =
        left < silentMs
          ? `the pull did not get ahead for ${progressMs / 1000} s`
          : `nothing was heard of the pull for ${silentMs / 1000} s`;
      patience = setTimeout(giveUp, Math.min(left, silentMs), why);
    };
    const heard = (line: PullLine): void => {
      progress.hear(line);
      waitOn();
    };
    waitOn();
    const end = (error: unknown, lines: readonly { readonly error?: string }[]): void => {
      clearTimeout(patience);
      const failure = lines.find((line) => line.error !== undefined)?.error;
      if (error !== null && error !== undefined) reject(error);
      else if (failure !== undefined) reject(new Error(failure));
      else resolve();
    };
    docker.modem.followProgress(stream, end, heard);
  });

const mustRefresh = ({ pullPolicy }: ServiceSpec, { isImmutable }: ImageReference): boolean =>
  pullPolicy === 'always' || (pullPolicy === 'auto' && !isImmutable);

const pullError = ({ text, registry }: ImageReference, error: unknown): RuntimeError => {
  // The engine itself, or its disk, not the registry: it will be well again.
  const isOurs =
    error instanceof RuntimeError && ['ORCA_RUNTIME_UNREACHABLE', 'ORCA_RUNTIME_DISK_FULL'].includes(error.code);
  if (isOurs) return error;
  if (isCut(error)) {
    const why = `image ${text}: the container engine ended the pull; is it being restarted?`;
    return new RuntimeError('ORCA_RUNTIME_UNREACHABLE', why, { retryable: true, cause: error });
  }
  const message = engineMessage(error instanceof RuntimeError ? (error.cause ?? error) : error);
  const status = statusOf(error);
  const said = `${status === undefined ? '' : `HTTP ${status}: `}${message}`;
  const where = `image ${text} from ${registry}`;
  if (/denied|unauthorized|no basic auth|authentication required/i.test(message)) {
    return new RuntimeError(
      'ORCA_RUNTIME_IMAGE_DENIED',
      `${where} was refused (${said}); try: docker login ${registry}`,
      { retryable: false, cause: error },
    );
  }
  if (/not found|manifest unknown|does not exist/i.test(message) && !/lookup|no such host/i.test(message)) {
    return new RuntimeError('ORCA_RUNTIME_IMAGE_NOT_FOUND', `${where} was not found (${said})`, {
      retryable: false,
      cause: error,
    });
  }
  // Not marked as retryable: the deploy is told at once, and the next one tries again.
  return new RuntimeError('ORCA_RUNTIME_REGISTRY_UNREACHABLE', `${where} cannot be pulled (${said})`, {
    retryable: false,
    cause: error,
  });
};

const isCut = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === 'ECONNRESET';
