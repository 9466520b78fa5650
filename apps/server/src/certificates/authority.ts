import { readFileSync } from 'node:fs';
import { Resolver } from 'node:dns/promises';
import { isAbsolute, join } from 'node:path';
import type {
  AcmeEvent,
  AlpnCertificate,
  CertManager,
  Http01,
  Http01Answers,
  Issuer,
  Solver,
  TlsAlpn01,
  Transport,
} from '@orca/acme';
import type { AcmeSpec } from '@orca/spec';
import { ServerError } from '../errors.ts';
import { messageOf } from '../wire.ts';

/** Let's Encrypt; what `[acme] email` alone means. */
export const defaultDirectory = 'https://acme-v02.api.letsencrypt.org/directory';
/** Its twin for tests, which signs what no browser trusts and has generous limits. */
const testTwins: Readonly<Record<string, string>> = {
  [defaultDirectory]: 'https://acme-staging-v02.api.letsencrypt.org/directory',
};

export interface AuthorityOptions {
  readonly spec: AcmeSpec;
  readonly root: string;
  /** Where certificates and accounts are kept. */
  readonly dir: string;
  readonly version: string;
  readonly env: NodeJS.ProcessEnv;
  readonly now: () => number;
  readonly onEvent: (event: AcmeEvent) => void;
  readonly onTerms: (url: string) => void;
  readonly onCorrupt: (path: string, as: string, reason: string) => void;
  readonly onTakeover: (key: string, owner: string) => void;
  /** Resolves once whoever listens answers with them. When it fails, `inForce` says what is to be answered instead. */
  readonly publishAnswers: (answers: Http01Answers, inForce: () => Http01Answers) => Promise<void>;
  readonly publishAlpn: (
    certificates: readonly AlpnCertificate[],
    inForce: () => readonly AlpnCertificate[],
  ) => Promise<void>;
}

/** Whether anybody is asked for certificates at all. */
export const isAuthorityNamed = ({ email, directory }: AcmeSpec): boolean =>
  email !== undefined || directory !== undefined;

/** The manager of certificates that `[acme]` describes; its package is loaded here and not before. */
export const openAuthority = async (o: AuthorityOptions): Promise<CertManager> => {
  const acme = await import('@orca/acme');
  const { spec, now } = o;
  const directory = spec.directory ?? defaultDirectory;
  const userAgent = `orca/${o.version}`;
  const transport = acme.createHttpsTransport({ userAgent, ...caOf(o) });
  const store = acme.createFileStore({ dir: o.dir, directory, now, onCorrupt: o.onCorrupt });
  const leaser = acme.createFileLeaser({ dir: join(o.dir, 'leases'), onTakeover: o.onTakeover });
  const issuerAt = (address: string): Issuer =>
    acme.createAcmeIssuer({
      directory: address,
      email: spec.email ?? '',
      termsAgreed: spec.termsAgreed,
      accounts: store,
      leaser,
      transport,
      now,
      onTerms: o.onTerms,
      externalAccount: () => Promise.resolve(spec.externalAccount),
      ...(spec.profile === undefined ? {} : { profile: spec.profile }),
      ...(spec.preferredChain === undefined ? {} : { preferredChain: spec.preferredChain }),
    });
  const http01: Http01 = acme.http01({ publish: (all) => o.publishAnswers(all, () => http01.answers()) });
  const alpn: TlsAlpn01 = acme.tlsAlpn01({ now, publish: (all) => o.publishAlpn(all, () => alpn.certificates()) });
  const solvers: Record<AcmeSpec['challenges'][number], () => Solver> = {
    'http-01': () => http01.solver,
    'tls-alpn-01': () => alpn.solver,
    'dns-01': () => acme.dns01Hook(hookOf(o)),
  };
  const twin = testTwins[directory];
  try {
    return acme.createCertManager({
      store,
      leaser,
      issuer: issuerAt(directory),
      ...(twin === undefined ? {} : { rehearsal: issuerAt(twin) }),
      solvers: spec.challenges.map((challenge) => solvers[challenge]()),
      ...(spec.preflight ? { preflight: acme.selfCheck(selfCheckOf(o, http01, transport)) } : {}),
      keyType: spec.keyType,
      allowLocal: isPrivateAuthority(spec, acme.qualifyHost),
      configuration: JSON.stringify(spec),
      now,
      onEvent: o.onEvent,
    });
  } catch (cause) {
    throw new ServerError('ORCA_SERVER_BAD_CONFIG', `cluster.toml: [acme]: ${messageOf(cause)}`, { cause });
  }
};

/** One that brings its own root, or is on this network itself, may sign names that nobody else knows. */
const isPrivateAuthority = (
  { directory, caFile }: AcmeSpec,
  qualify: typeof import('@orca/acme').qualifyHost,
): boolean =>
  directory !== undefined &&
  (caFile !== undefined || !qualify(new URL(directory).hostname.replaceAll(/[[\]]/g, ''), { hasDns01: false }).ok);

const caOf = ({ spec, root }: AuthorityOptions): { readonly ca?: string } => {
  if (spec.caFile === undefined) return {};
  const path = isAbsolute(spec.caFile) ? spec.caFile : join(root, spec.caFile);
  try {
    return { ca: readFileSync(path, 'utf8') };
  } catch (cause) {
    throw new ServerError('ORCA_SERVER_BAD_CONFIG', `cluster.toml: acme.ca_file: ${messageOf(cause)}`, { cause });
  }
};

const hookOf = ({ spec, root, env }: AuthorityOptions): Parameters<typeof import('@orca/acme').dns01Hook>[0] => {
  const [program = '', ...args] = spec.dnsHook ?? [];
  const path = env['PATH'];
  const home = env['HOME'];
  return {
    // A path is relative to the infra root, like all in its files; a bare name is looked up.
    command: [program.includes('/') && !isAbsolute(program) ? join(root, program) : program, ...args],
    env: () => Promise.resolve(spec.dnsEnv),
    ...(path === undefined ? {} : { path }),
    ...(home === undefined ? {} : { home }),
  };
};

const selfCheckOf = (
  { spec }: AuthorityOptions,
  http01: Http01,
  transport: Transport,
): Parameters<typeof import('@orca/acme').selfCheck>[0] => {
  const resolver = new Resolver({ timeout: 5_000, tries: 2 });
  if (spec.resolvers.length > 0) resolver.setServers([...spec.resolvers]);
  return { http01, transport, resolve: (host) => addressesOf(resolver, host) };
};

/** Of both families; a name that has none is no error here, a DNS server that is silent is. */
const addressesOf = async (resolver: Resolver, host: string): Promise<readonly string[]> => {
  const asked = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
  const found = asked.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
  if (found.length > 0) return found;
  for (const one of asked)
    if (one.status === 'rejected' && !isAbsence(one.reason)) throw new Error(messageOf(one.reason));
  return [];
};

const isAbsence = (error: unknown): boolean =>
  typeof error === 'object' &&
  error !== null &&
  'code' in error &&
  (error.code === 'ENOTFOUND' || error.code === 'ENODATA');
