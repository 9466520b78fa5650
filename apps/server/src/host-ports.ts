import { readFile } from 'node:fs/promises';
import type { PublishedPort, ServiceSpec } from '@orca/spec';

/** A socket that somebody listens on, as the kernel lists it. */
export interface Listener {
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
  readonly isWildcard: boolean;
  /** The IPv4 address, when it is one. */
  readonly ip: string | undefined;
}

/** TCP_LISTEN of the kernel; a bound UDP socket is in state 7. */
const listening = { tcp: '0A', udp: '07' } as const;

/** Reads one of /proc/net/{tcp,tcp6,udp,udp6}; see proc_net_tcp(5). */
export const parseListeners = (text: string, protocol: 'tcp' | 'udp'): readonly Listener[] =>
  text
    .split('\n')
    .slice(1)
    .flatMap((line): readonly Listener[] => {
      const [, local = '', , state] = line.trim().split(/\s+/);
      const [address = '', port = ''] = local.split(':');
      if (state !== listening[protocol]) return [];
      return [{ protocol, port: parseInt(port, 16), isWildcard: /^0+$/.test(address), ip: ipv4(address) }];
    });

/** Eight hexadecimal digits in the host's byte order, which is little-endian on all we run on. */
const ipv4 = (address: string): string | undefined =>
  address.length === 8 ? [6, 4, 2, 0].map((at) => parseInt(address.slice(at, at + 2), 16)).join('.') : undefined;

/** Who listens on this machine; nobody, as far as is known, where the kernel does not tell. */
export const readListeners = async (): Promise<readonly Listener[]> => {
  const files = [
    ['tcp', 'tcp'],
    ['tcp6', 'tcp'],
    ['udp', 'udp'],
    ['udp6', 'udp'],
  ] as const;
  const found = await Promise.all(
    files.map(async ([file, protocol]) => {
      const text = await readFile(`/proc/net/${file}`, 'utf8').catch(() => '');
      return parseListeners(text, protocol);
    }),
  );
  return found.flat();
};

/** The first port of a service that somebody else has, in words; `undefined` when all are free. */
export const takenPort = (
  { name, publishedPorts }: Pick<ServiceSpec, 'name' | 'publishedPorts'>,
  listeners: readonly Listener[],
  own: ReadonlySet<number>,
): string | undefined => {
  const isTaken = (wanted: PublishedPort): boolean =>
    !own.has(wanted.hostPort) &&
    listeners.some(
      (l) =>
        l.port === wanted.hostPort &&
        l.protocol === wanted.protocol &&
        (l.isWildcard || wanted.hostIp === '0.0.0.0' || wanted.hostIp === '::' || l.ip === wanted.hostIp),
    );
  const taken = publishedPorts.find(isTaken);
  return taken === undefined
    ? undefined
    : `${name}: host port ${taken.hostPort}/${taken.protocol} is already in use by a program that is not orca's; free it (ss -lnp shows who has it) or change extra_ports`;
};
