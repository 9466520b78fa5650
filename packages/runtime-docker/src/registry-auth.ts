import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

export interface RegistryAuth {
  readonly username: string;
  readonly password: string;
  readonly serveraddress: string;
}

/** Docker Hub is filed under its old address. */
const hubKey = 'https://index.docker.io/v1/';

/** What `docker login` stored for a registry in `~/.docker/config.json`, a credential helper's answer included. */
export const readAuth = async (registry: string): Promise<RegistryAuth | undefined> => {
  const dir = process.env['DOCKER_CONFIG'] ?? join(homedir(), '.docker');
  const config = await readFile(join(dir, 'config.json'), 'utf8').then(parseConfig, () => undefined);
  if (config === undefined) return undefined;
  const key = registry === 'docker.io' ? hubKey : registry;
  const helper = config.credHelpers.get(registry) ?? config.credsStore;
  return helper === undefined ? decodeAuth(config.auths.get(key), key) : askHelper(helper, key);
};

interface DockerConfig {
  readonly auths: ReadonlyMap<string, string>;
  readonly credHelpers: ReadonlyMap<string, string>;
  readonly credsStore: string | undefined;
}

export const parseConfig = (text: string): DockerConfig => {
  const config = objectOf(JSON.parse(text));
  const auths = Object.entries(objectOf(config['auths'])).flatMap(([key, entry]) => {
    const { auth } = objectOf(entry);
    return typeof auth === 'string' && auth !== '' ? [[key, auth] as const] : [];
  });
  const helpers = Object.entries(objectOf(config['credHelpers'])).flatMap(([key, name]) =>
    typeof name === 'string' ? [[key, name] as const] : [],
  );
  const store = config['credsStore'];
  return {
    auths: new Map(auths),
    credHelpers: new Map(helpers),
    credsStore: typeof store === 'string' && store !== '' ? store : undefined,
  };
};

/** `base64(user:password)`; a password may hold further colons. */
export const decodeAuth = (auth: string | undefined, serveraddress: string): RegistryAuth | undefined => {
  if (auth === undefined) return undefined;
  const [, username, password] = /^([^:]*):([\s\S]*)$/.exec(Buffer.from(auth, 'base64').toString('utf8')) ?? [];
  return username === undefined || password === undefined ? undefined : { username, password, serveraddress };
};

const askHelper = (name: string, server: string): Promise<RegistryAuth | undefined> =>
  new Promise((resolve) => {
    if (!/^[\w.-]+$/.test(name)) {
      resolve(undefined);
      return;
    }
    const child = execFile(`docker-credential-${name}`, ['get'], { timeout: 10_000 }, (error, stdout) => {
      if (error !== null) {
        // The helper has nothing for this registry: an anonymous pull may still do.
        resolve(undefined);
        return;
      }
      const { Username, Secret } = objectOf(JSON.parse(stdout));
      resolve(
        typeof Username === 'string' && typeof Secret === 'string'
          ? { username: Username, password: Secret, serveraddress: server }
          : undefined,
      );
    });
    child.stdin?.end(server);
  });

const objectOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
