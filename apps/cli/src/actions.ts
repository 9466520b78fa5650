import type { SecretsOptions } from './commands/secrets/place.ts';
import { CliError, usageError, type Context, type GlobalOptions } from './context.ts';

/** Parsed arguments by their long names, as either parser gives them. */
export type Parsed = Readonly<Record<string, unknown>>;

export type ActionName =
  | 'server'
  | 'deploy'
  | 'redeploy'
  | 'plan'
  | 'status'
  | 'logs'
  | 'stop'
  | 'certs'
  | 'renewCert'
  | 'revokeCert'
  | 'proxyStatus'
  | 'stopProxy'
  | 'setSecret'
  | 'listSecrets'
  | 'removeSecret'
  | 'importSecrets'
  | 'rotateKey'
  | 'exportRecovery'
  | 'verifySecrets';

/** Runs a command and gives its exit code. */
export type Action = (context: Context, argv: Parsed) => Promise<number>;

/**
 * What each command does with its arguments. Its code is loaded when it runs: `orca status`
 * must not pay for what only `orca secrets` needs.
 */
export const actions: Readonly<Record<ActionName, Action>> = {
  server: async (c, a) =>
    (await import('./commands/server.ts')).server(c, {
      ...global(a),
      apiPort: number(a, 'api-port'),
      proxyPort: number(a, 'proxy-port'),
      httpsPort: number(a, 'https-port'),
    }),
  deploy: async (c, a) =>
    (await import('./commands/deploy.ts')).deploy(c, {
      ...global(a),
      services: texts(a, 'services'),
      dryRun: flag(a, 'dry-run'),
      recreate: false,
      allowMassRemoval: flag(a, 'allow-mass-removal'),
    }),
  redeploy: async (c, a) =>
    (await import('./commands/deploy.ts')).deploy(c, {
      ...global(a),
      services: texts(a, 'services'),
      dryRun: false,
      recreate: true,
      allowMassRemoval: false,
    }),
  plan: async (c, a) =>
    (await import('./commands/deploy.ts')).deploy(c, {
      ...global(a),
      services: texts(a, 'services'),
      dryRun: true,
      recreate: false,
      allowMassRemoval: flag(a, 'allow-mass-removal'),
    }),
  status: async (c, a) =>
    (await import('./commands/status.ts')).status(c, {
      ...global(a),
      json: flag(a, 'json'),
      project: text(a, 'project'),
    }),
  logs: async (c, a) =>
    (await import('./commands/logs.ts')).logs(c, {
      ...global(a),
      service: text(a, 'service') ?? '',
      tail: number(a, 'tail') ?? 100,
      follow: flag(a, 'follow'),
      failed: flag(a, 'failed'),
    }),
  stop: async (c, a) => (await import('./commands/stop.ts')).stop(c, { ...global(a), services: texts(a, 'services') }),
  certs: async (c, a) => (await import('./commands/certs.ts')).certs(c, { ...global(a), json: flag(a, 'json') }),
  renewCert: async (c, a) =>
    (await import('./commands/certs.ts')).renewCert(c, {
      ...global(a),
      host: text(a, 'host') ?? '',
      json: flag(a, 'json'),
    }),
  revokeCert: async (c, a) =>
    (await import('./commands/certs.ts')).revokeCert(c, {
      ...global(a),
      host: text(a, 'host') ?? '',
      json: flag(a, 'json'),
    }),
  proxyStatus: async (c, a) => (await import('./commands/proxy.ts')).showProxy(c, { json: flag(a, 'json') }),
  stopProxy: async (c, a) =>
    (await import('./commands/proxy.ts')).endProxy(c, { graceSeconds: number(a, 'grace-secs') ?? 10 }),
  setSecret: async (c, a) =>
    (await import('./commands/secrets/set.ts')).setSecret(c, {
      ...secrets(a),
      name: text(a, 'name') ?? '',
      // yargs reads a lone `-` as an empty word; both mean standard input.
      value: text(a, 'value') || undefined,
      json: flag(a, 'json'),
    }),
  listSecrets: async (c, a) =>
    (await import('./commands/secrets/list.ts')).listSecrets(c, { ...secrets(a), json: flag(a, 'json') }),
  removeSecret: async (c, a) =>
    (await import('./commands/secrets/remove.ts')).removeSecret(c, {
      ...secrets(a),
      name: text(a, 'name') ?? '',
      force: flag(a, 'force'),
    }),
  importSecrets: async (c, a) =>
    (await import('./commands/secrets/import.ts')).importSecrets(c, {
      ...secrets(a),
      file: text(a, 'file') || '-',
      json: flag(a, 'json'),
    }),
  rotateKey: async (c, a) =>
    (await import('./commands/secrets/rotate-key.ts')).rotateKey(c, {
      ...secrets(a),
      masterOnly: flag(a, 'master-only'),
      passphrase: typeof a['passphrase'] === 'boolean' ? a['passphrase'] : undefined,
      json: flag(a, 'json'),
    }),
  exportRecovery: async (c, a) =>
    (await import('./commands/secrets/export.ts')).exportRecovery(c, { ...secrets(a), recovery: flag(a, 'recovery') }),
  verifySecrets: async (c, a) =>
    (await import('./commands/secrets/verify.ts')).verifySecrets(c, { ...secrets(a), json: flag(a, 'json') }),
};

const global = (argv: Parsed): GlobalOptions => ({ api: text(argv, 'api'), dir: text(argv, 'dir') });
const secrets = (argv: Parsed): SecretsOptions => ({ ...global(argv), acceptOlder: flag(argv, 'accept-older') });
const flag = (argv: Parsed, name: string): boolean => argv[name] === true;
const text = (argv: Parsed, name: string): string | undefined => {
  const value = argv[name];
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
};
const texts = (argv: Parsed, name: string): readonly string[] => {
  const value = argv[name];
  return Array.isArray(value) ? value.map(String) : [];
};
const number = (argv: Parsed, name: string): number | undefined => {
  const value = argv[name];
  if (value === undefined || (typeof value === 'number' && Number.isFinite(value))) return value;
  throw new CliError(`--${name} needs a number`, usageError);
};
