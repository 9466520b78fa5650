import { isIP } from 'node:net';
import type { PublishedPort } from './model.ts';
import { parsedText, quote, Refusal } from './read.ts';
import type { Read } from './table.ts';

const FORM = /^(?:(?:\[([0-9a-fA-F:]+)\]|([\d.]+)):)?(\d{1,5}):(\d{1,5})(?:\/(tcp|udp))?$/;

/** `host:container`, `ip:host:container`, each with an optional `/tcp` or `/udp`. */
export const publishedPort: Read<PublishedPort> = parsedText((written) => {
  const [, ipv6, ipv4, host, container, protocol] = FORM.exec(written) ?? [];
  const hostIp = ipv6 ?? ipv4 ?? '0.0.0.0';
  const [hostPort, containerPort] = [Number(host), Number(container)];
  if (isPort(hostPort) && isPort(containerPort) && isIP(hostIp) !== 0) {
    return { hostIp, hostPort, containerPort, protocol: protocol === 'udp' ? 'udp' : 'tcp' };
  }
  return new Refusal(`${quote(written)} is not a port: write "22222:22" or "127.0.0.1:22222:22/tcp", ports 1 to 65535`);
});

/** Whether two would fight for the same socket of a host. */
export function portsOverlap(a: PublishedPort, b: PublishedPort): boolean {
  if (a.hostPort !== b.hostPort || a.protocol !== b.protocol) return false;
  return a.hostIp === b.hostIp || isWildcard(a.hostIp) || isWildcard(b.hostIp);
}

export function formatPort(port: PublishedPort): string {
  const ip = port.hostIp.includes(':') ? `[${port.hostIp}]` : port.hostIp;
  return `${ip}:${port.hostPort}/${port.protocol}`;
}

// The IPv6 wildcard also takes IPv4 connections unless a listener says otherwise.
const isWildcard = (ip: string): boolean => ip === '0.0.0.0' || ip === '::';
const isPort = (port: number): boolean => Number.isInteger(port) && port >= 1 && port <= 65_535;
