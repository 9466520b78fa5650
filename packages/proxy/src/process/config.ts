import { isIP } from 'node:net';
import { parseAccessLog, type AccessLogSettings } from '../access-log/settings.ts';
import { checkTimeouts } from '../bounds.ts';
import { ProxyError } from '../errors.ts';
import type { HttpsOptions } from '../options.ts';
import { defaultTimeouts, type ProxyTimeouts } from '../settings.ts';
import { membersOf } from './calls.ts';

export interface ListenAddress {
  /** An IP address of this machine, or `0.0.0.0` or `::` for all. */
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
}

/** A port, and what `ProxyOptions` says of it. */
export interface HttpDoor extends ListenAddress {
  readonly proxyProtocolFrom?: readonly string[];
}

export interface HttpsDoor extends ListenAddress, Omit<HttpsOptions, 'port' | 'bind'> {}

/** What the processes are made of. A change of it is served by new workers; the old ones end what they have. */
export interface ProxyConfig {
  readonly http: HttpDoor;
  readonly https?: HttpsDoor;
  /** How many processes serve; they share the ports. */
  readonly workers: number;
  readonly timeouts?: Partial<ProxyTimeouts>;
  /** All workers write to it, and the supervisor turns it over. */
  readonly accessLog?: AccessLogSettings;
}

/** The names of the ports, in the order in which they are opened. */
export const doors = ['http', 'https'] as const;
export type Door = (typeof doors)[number];

export const maxWorkers = 256;

/** Takes a configuration from another process or from a file; throws `ORCA_PROXY_PROTOCOL`. */
export const parseConfig = (value: unknown): ProxyConfig => {
  const { http, https, workers, timeouts, accessLog } = membersOf(value);
  if (!isCount(workers) || workers < 1 || workers > maxWorkers) throw fault('workers');
  return {
    http: { ...parseAddress(http), ...parseNetworks(http) },
    workers,
    ...(https === undefined ? {} : { https: parseHttps(https) }),
    ...(timeouts === undefined ? {} : { timeouts: parseTimeouts(timeouts) }),
    ...(accessLog === undefined ? {} : { accessLog: parseAccessLog(accessLog) }),
  };
};

export const parseAddress = (value: unknown): ListenAddress => {
  const { host, port } = membersOf(value);
  if (typeof host !== 'string' || isIP(host) === 0) throw fault('address');
  if (!isCount(port) || port > 65_535) throw fault('port');
  return { host, port };
};

const parseHttps = (value: unknown): HttpsDoor => {
  const { unknownNames, refuseMisdirected, http2 } = membersOf(value);
  if (unknownNames !== undefined && unknownNames !== 'refuse' && unknownNames !== 'default')
    throw fault('unknownNames');
  return {
    ...parseAddress(value),
    ...parseNetworks(value),
    ...(unknownNames === undefined ? {} : { unknownNames }),
    ...(refuseMisdirected === true ? { refuseMisdirected } : {}),
    ...(http2 === false ? { http2 } : {}),
  };
};

const parseNetworks = (value: unknown): { readonly proxyProtocolFrom?: readonly string[] } => {
  const networks = membersOf(value)['proxyProtocolFrom'];
  if (networks === undefined) return {};
  if (Array.isArray(networks) && networks.every((network) => typeof network === 'string'))
    return { proxyProtocolFrom: networks };
  throw fault('proxyProtocolFrom');
};

const parseTimeouts = (value: unknown): Partial<ProxyTimeouts> => {
  const given = Object.entries(membersOf(value));
  if (given.some(([name, ms]) => !Object.hasOwn(defaultTimeouts, name) || !isCount(ms))) throw fault('timeouts');
  const timeouts = Object.fromEntries(given);
  checkTimeouts(timeouts);
  return timeouts;
};

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

const fault = (name: string): ProxyError =>
  new ProxyError('ORCA_PROXY_PROTOCOL', `the configuration of the proxy has no usable ${name}`);
