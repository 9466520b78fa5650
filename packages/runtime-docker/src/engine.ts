import Docker from 'dockerode';
import { RuntimeError } from './errors.ts';

/** The newest API this code was written for; an older engine's own version is used instead. */
const ourApi = '1.43';

export interface EngineOptions {
  /** Such as `unix:///var/run/docker.sock` or `tcp://10.0.0.1:2375`. */
  readonly host: string;
}

export interface EngineVersion {
  readonly version: string;
  readonly apiVersion: string;
}

/** The engine's API with deadlines, negotiated version, and errors in this package's words. */
export class Engine {
  readonly #host: string;
  #docker: Promise<Docker> | undefined;

  constructor({ host }: EngineOptions) {
    this.#host = host;
  }

  /**
   * Runs one call against the engine; `what` begins the message if it fails. One that is too
   * late is given up with its connection: an engine that hangs is asked again and again.
   */
  async call<T>(what: string, timeoutMs: number, task: (docker: Docker) => Promise<T>): Promise<T> {
    const givenUp = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, fail) => {
      timer = setTimeout(() => {
        const why = `${what}: the engine did not answer within ${timeoutMs / 1000} s`;
        fail(new RuntimeError('ORCA_RUNTIME_TIMEOUT', why, { retryable: true }));
        givenUp.abort();
      }, timeoutMs);
    });
    try {
      return await Promise.race([this.docker().then((docker) => task(endingWith(docker, givenUp.signal))), late]);
    } catch (error) {
      throw this.#translate(what, error);
    } finally {
      clearTimeout(timer);
    }
  }

  async version(): Promise<EngineVersion> {
    return this.call('container engine', 5_000, async (docker) => {
      const info: unknown = await docker.version();
      const read = (name: string): string =>
        typeof info === 'object' && info !== null && name in info ? String(Reflect.get(info, name)) : 'unknown';
      return { version: read('Version'), apiVersion: read('ApiVersion') };
    });
  }

  /** One client, made when first needed; a failed negotiation is tried again. */
  docker(): Promise<Docker> {
    this.#docker ??= this.#connect().catch((error: unknown) => {
      this.#docker = undefined;
      throw error;
    });
    return this.#docker;
  }

  async #connect(): Promise<Docker> {
    const target = connection(this.#host);
    const info: unknown = await new Docker({ ...target, timeout: 5_000 }).version();
    const theirs = typeof info === 'object' && info !== null && 'ApiVersion' in info ? String(info.ApiVersion) : ourApi;
    return new Docker({ ...target, version: `v${older(ourApi, theirs)}` });
  }

  #translate(what: string, error: unknown): unknown {
    const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
    if (
      typeof code === 'string' &&
      ['ECONNREFUSED', 'ENOENT', 'EACCES', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND'].includes(code)
    ) {
      const hint =
        code === 'EACCES' ? 'run as root or join the docker group' : 'is Docker running? try: systemctl start docker';
      return new RuntimeError(
        'ORCA_RUNTIME_UNREACHABLE',
        `the container engine at ${this.#host} does not answer (${code}); ${hint}`,
        { retryable: true, cause: error },
      );
    }
    const status = statusOf(error);
    if (status === undefined || error instanceof RuntimeError) return error;
    const message = engineMessage(error);
    // A conflict is with something under way, and an image that is gone is fetched by the next try: neither blames the revision.
    const retryable = status >= 500 || status === 409 || (status === 404 && /no such image/i.test(message));
    return new RuntimeError('ORCA_RUNTIME_ENGINE', `${what}: ${message}`, { retryable, cause: error });
  }
}

/** The same client, but its requests end when the signal says so, unless they name one of their own. */
const endingWith = (docker: Docker, signal: AbortSignal): Docker => {
  const { modem } = docker;
  const dial: typeof modem.dial = (options, callback) =>
    modem.dial({ ...options, abortSignal: options.abortSignal ?? signal }, callback);
  return Object.assign<Docker, Pick<Docker, 'modem'>>(Object.create(docker), {
    modem: Object.assign<typeof modem, Pick<typeof modem, 'dial'>>(Object.create(modem), { dial }),
  });
};

const connection = (host: string): { socketPath: string } | { host: string; port: number; protocol: 'http' } => {
  if (host.startsWith('unix://')) return { socketPath: host.slice('unix://'.length) };
  if (host.startsWith('/')) return { socketPath: host };
  if (!/^(tcp|http):\/\//.test(host)) {
    throw new RuntimeError(
      'ORCA_RUNTIME_UNREACHABLE',
      `DOCKER_HOST=${host} is not supported; use unix:///path or tcp://host:port`,
      { retryable: false },
    );
  }
  const url = new URL(host.replace(/^tcp:/, 'http:'));
  return { host: url.hostname, port: Number(url.port || 2375), protocol: 'http' };
};

const older = (a: string, b: string): string => (minorOf(a) <= minorOf(b) ? a : b);

const minorOf = (version: string): number => Number(version.split('.')[1] ?? 0);

/** The HTTP status of an engine's refusal. */
export const statusOf = (error: unknown): number | undefined =>
  typeof error === 'object' && error !== null && 'statusCode' in error && typeof error.statusCode === 'number'
    ? error.statusCode
    : error instanceof RuntimeError
      ? statusOf(error.cause)
      : undefined;

/** The engine's own words, without the client's decoration. */
export const engineMessage = (error: unknown): string => {
  if (typeof error === 'object' && error !== null && 'json' in error) {
    const { json } = error;
    if (typeof json === 'object' && json !== null && 'message' in json) return String(json.message);
  }
  return Error.isError(error) ? error.message.replace(/^\(HTTP code \d+\) [^-]* - /, '').trim() : String(error);
};
