import { checkLimits } from './bounds.ts';
import { ProxyError } from './errors.ts';
import { parseHttpChallenges, type HttpChallenges } from './http-challenges.ts';
import type { Proxy } from './options.ts';
import { compilePolicy, type ProxySettings } from './policy.ts';
import { checkTable } from './route-check.ts';
import type { RouteTable } from './route.ts';
import type { ProxyLimits } from './settings.ts';
import type { Certificate, RefusedCertificate } from './tls/certificates.ts';
import { checkChallengeCertificates, type ChallengeCertificate } from './tls/challenges.ts';

/**
 * All that a proxy serves by and that may change while it serves, as plain data: it crosses
 * processes and is kept on disk. Replaced as one. A new part is a field here, its check in
 * `parseState` and its line in `putInForce`.
 */
export interface ProxyState {
  readonly table: RouteTable;
  readonly settings?: ProxySettings;
  readonly limits?: Partial<ProxyLimits>;
  readonly challenges?: HttpChallenges;
  readonly certificates?: readonly Certificate[];
  readonly challengeCertificates?: readonly ChallengeCertificate[];
}

export const emptyState: ProxyState = { table: { routes: [] } };

const noChallenges: HttpChallenges = { managedHosts: [], answers: {} };

/** Makes a proxy serve by a state. Returns the certificates that it cannot serve; all else is in force then. */
export const putInForce = (proxy: Proxy, state: ProxyState): readonly RefusedCertificate[] => {
  proxy.configure(state.settings ?? {});
  proxy.setLimits(state.limits ?? {});
  proxy.setChallenges(state.challenges ?? noChallenges);
  // A certificate comes before the route that redirects to it.
  const refused = proxy.hasHttps ? proxy.setCertificates(state.certificates ?? []) : [];
  if (proxy.hasHttps) proxy.setChallengeCertificates(state.challengeCertificates ?? []);
  proxy.replace(state.table);
  return refused;
};

/** A state as it is in force: for the names of refused certificates, those that were served before. */
export const withoutRefused = (
  next: ProxyState,
  former: ProxyState,
  refused: readonly RefusedCertificate[],
): ProxyState => {
  const names = new Set(refused.flatMap((one) => one.names));
  const concerns = (certificate: Certificate): boolean => certificate.names.some((name) => names.has(name));
  const good = (next.certificates ?? []).filter((certificate) => !concerns(certificate));
  return { ...next, certificates: [...good, ...(former.certificates ?? []).filter(concerns)] };
};

/**
 * Takes a state from another process or from a file. Throws `ORCA_PROXY_TABLE_INVALID` or
 * `ORCA_PROXY_SETTINGS_INVALID` when a proxy could not serve by it.
 */
export const parseState = (value: unknown): ProxyState => {
  const { table, settings, limits, challenges, certificates, challengeCertificates } = record(value, 'state');
  const state = {
    table: { ...record(table, 'table') },
    ...(settings === undefined ? {} : { settings: record(settings, 'settings') }),
    ...(limits === undefined ? {} : { limits: record(limits, 'limits') }),
    ...(challenges === undefined ? {} : { challenges: parseHttpChallenges(challenges) }),
    ...(certificates === undefined ? {} : { certificates: list(certificates, 'certificates', checkCertificate) }),
    ...(challengeCertificates === undefined
      ? {}
      : { challengeCertificates: list(challengeCertificates, 'challengeCertificates', checkChallenge) }),
  };
  list(state.table['routes'], 'routes', checkRoute);
  // Every value that is read without a second look has the type that it should have; here the rest is judged.
  const checked = state as unknown as ProxyState;
  try {
    checkTable(checked.table);
    compilePolicy(checked.settings ?? {});
    checkLimits(checked.limits ?? {});
    checkChallengeCertificates(checked.challengeCertificates ?? []);
  } catch (cause) {
    if (Error.isError(cause) && 'code' in cause && String(cause.code).startsWith('ORCA_PROXY_')) throw cause;
    throw fault('a part of it is not what it should be', cause);
  }
  return checked;
};

type Members = Readonly<Record<string, unknown>>;

const checkRoute = (value: unknown, at: string): Members => {
  const route = record(value, at);
  texts(route, ['host', 'pathPrefix'], at);
  list(route['targets'], `${at}.targets`, (target, where) => {
    const members = record(target, where);
    texts(members, ['id', 'host'], where);
    return members;
  });
  return route;
};

const checkCertificate = (value: unknown, at: string): Members => {
  const certificate = record(value, at);
  texts(certificate, ['certPem', 'keyPem'], at);
  list(certificate['names'], `${at}.names`, (name) => {
    if (typeof name !== 'string') throw fault(`${at}.names holds something else than names`);
    return name;
  });
  return certificate;
};

const checkChallenge = (value: unknown, at: string): Members => {
  const challenge = record(value, at);
  texts(challenge, ['name', 'certPem', 'keyPem'], at);
  return challenge;
};

const record = (value: unknown, at: string): Members => {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw fault(`${at} is not an object`);
};

const list = <T>(value: unknown, at: string, check: (item: unknown, at: string) => T): readonly T[] => {
  if (Array.isArray(value)) return value.map((item: unknown, i) => check(item, `${at}[${i}]`));
  throw fault(`${at} is not a list`);
};

const texts = (members: Members, names: readonly string[], at: string): void => {
  for (const name of names) if (typeof members[name] !== 'string') throw fault(`${at}.${name} is not text`);
};

const fault = (message: string, cause?: unknown): ProxyError =>
  new ProxyError('ORCA_PROXY_TABLE_INVALID', message, { cause });
