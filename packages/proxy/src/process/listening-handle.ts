import { isIPv6 } from 'node:net';
import * as net from 'node:net';
import { getSystemErrorName } from 'node:util';
import { ProxyError } from '../errors.ts';
import { doors, type Door, type ListenAddress } from './config.ts';

/**
 * A port that is taken and given to workers, and that this process itself never accepts from:
 * a `net.Server` would take connections away from them. Node's cluster module makes its
 * shared handles by the same function; no public one leaves a port bound and unread.
 */
export interface ListeningHandle {
  /** The port that was taken, where 0 asked for any. */
  readonly address: ListenAddress;
  /** What goes along with a message to a worker. */
  readonly handle: object;
  close(): void;
}

/** The handles of one configuration. */
export interface Handles {
  readonly http: ListeningHandle;
  readonly https?: ListeningHandle;
}

/**
 * How many handles of a port each worker gets. libuv takes one connection of each in a turn of its
 * loop, and a turn of a busy worker lasts some 20 ms: a thousand clients that come back at once would
 * wait for 20 s with one. Every handle is looked at for every connection, whoever takes it, so that
 * the workers share a number (decision 055).
 */
export const handlesPerWorker = (workers: number): number => Math.ceil(16 / workers);

interface RawHandle {
  getsockname(out: { port?: number }): number;
  close(): void;
}

/** Throws `ORCA_PROXY_PORT_UNAVAILABLE`, whose cause has the system's code. */
export const openHandle = ({ host, port }: ListenAddress): ListeningHandle => {
  const handle = createServerHandle(host, port, isIPv6(host) ? 6 : 4);
  if (typeof handle === 'number') throw unavailable(host, port, getSystemErrorName(handle));
  return adoptHandle(handle, { host, port });
};

/** The same for a handle that came from another process. */
export const adoptHandle = (handle: unknown, { host, port }: ListenAddress): ListeningHandle => {
  if (!isRawHandle(handle)) throw new ProxyError('ORCA_PROXY_PROTOCOL', 'no listening handle came along');
  const name: { port?: number } = {};
  handle.getsockname(name);
  // A port that somebody listens on is reported late: until then the handle has none.
  if (name.port === undefined || name.port === 0) {
    handle.close();
    throw unavailable(host, port, 'EADDRINUSE');
  }
  return { address: { host, port: name.port }, handle, close: () => handle.close() };
};

/** Each with the name of its door. */
export const eachOf = (handles: Partial<Handles>): readonly (readonly [Door, ListeningHandle])[] =>
  doors.flatMap((door) => {
    const handle = handles[door];
    return handle === undefined ? [] : [[door, handle] as const];
  });

const createServerHandle = (host: string, port: number, family: 4 | 6): unknown => {
  if ('_createServerHandle' in net && typeof net._createServerHandle === 'function')
    return net._createServerHandle(host, port, family) as unknown;
  throw new ProxyError('ORCA_PROXY_UNREACHABLE', `Node ${process.version} cannot share a port between processes`);
};

const isRawHandle = (value: unknown): value is RawHandle =>
  typeof value === 'object' && value !== null && 'getsockname' in value && 'close' in value;

const unavailable = (host: string, port: number, code: string): ProxyError =>
  new ProxyError('ORCA_PROXY_PORT_UNAVAILABLE', `cannot listen on ${host}, port ${port}: ${whyNot(code)} (${code})`, {
    cause: Object.assign(new Error(code), { code }),
  });

/** Why a port cannot be listened on, in words that say what to do. */
export const whyNot = (code: string | undefined): string => {
  if (code === 'EADDRINUSE') return 'it is in use; `ss -lntp` shows by whom';
  if (code === 'EADDRNOTAVAIL') return 'this machine has no such address';
  if (code === 'EACCES')
    return 'a port as low as that needs root, CAP_NET_BIND_SERVICE, or a lower sysctl net.ipv4.ip_unprivileged_port_start';
  return 'the system refuses it';
};
