import type { ImageInspectInfo } from 'dockerode';
import type { ServiceSpec } from '@orca/spec';
import { statusOf, engineMessage, type Engine } from './engine.ts';
import { RuntimeError } from './errors.ts';
import { parseReference, type ImageReference } from './image-reference.ts';
import { readAuth } from './registry-auth.ts';

export interface ImagesOptions {
  readonly engine: Engine;
  readonly onMutation: (call: string) => void;
  readonly onWarning: (message: string) => void;
}

export interface Images {
  idOf(image: string): Promise<string | undefined>;
  /** Makes sure the image is there, pulling it when it is not. */
  ensure(spec: ServiceSpec, signal: AbortSignal): Promise<void>;
  /** Pulls the image of a tag that may move, if it has moved. */
  refresh(spec: ServiceSpec, signal: AbortSignal): Promise<void>;
}

const maxPulls = 2;
const inspectMs = 15_000;
const digestMs = 30_000;

export const createImages = ({ engine, onMutation, onWarning }: ImagesOptions): Images => {
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
    try {
      onMutation(`pull ${reference.text}`);
      const docker = await engine.docker();
      const auth = await readAuth(reference.registry);
      const stream = await docker.pull(reference.text, auth === undefined ? {} : { authconfig: auth });
      await new Promise<void>((resolve, reject) => {
        // The engine answers 200 and tells of failures inside the stream: every line counts.
        docker.modem.followProgress(stream, (error: unknown, lines: readonly { readonly error?: string }[]) => {
          const failure = lines.find((line) => line.error !== undefined)?.error;
          if (error !== null && error !== undefined) reject(error);
          else if (failure !== undefined) reject(new Error(failure));
          else resolve();
        });
      });
      if ((await idOf(reference.text)) === undefined) throw new Error('the pull ended, but the image is not there');
    } catch (error) {
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

  return {
    idOf,
    async ensure(spec, signal) {
      if ((await idOf(spec.image)) !== undefined) return;
      signal.throwIfAborted();
      if (spec.pullPolicy === 'never') {
        throw new RuntimeError(
          'ORCA_RUNTIME_IMAGE_NOT_FOUND',
          `${spec.name}: image ${spec.image} is not on this machine, and pull_policy is never`,
          { retryable: false },
        );
      }
      await pull(parseReference(spec.image));
    },
    async refresh(spec, signal) {
      const reference = parseReference(spec.image);
      const local = mustRefresh(spec, reference) ? await inspect(spec.image) : undefined;
      // What is not there yet is fetched by the deploy itself, which shows it as a step.
      if (local === undefined) return;
      signal.throwIfAborted();
      try {
        const digest = await remoteDigest(reference);
        if (!local.RepoDigests.some((known) => known.endsWith(`@${digest}`))) await pull(reference);
      } catch (error) {
        if (spec.pullPolicy === 'always') throw error;
        onWarning(
          `${spec.name}: ${Error.isError(error) ? error.message : String(error)}; going on with the local image`,
        );
      }
    },
  };
};

const mustRefresh = ({ pullPolicy }: ServiceSpec, { isImmutable }: ImageReference): boolean =>
  pullPolicy === 'always' || (pullPolicy === 'auto' && !isImmutable);

const pullError = ({ text, registry }: ImageReference, error: unknown): RuntimeError => {
  const message = engineMessage(error);
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
