import { isDeepStrictEqual } from 'node:util';
import type { ClusterSpec } from '@orca/spec';
import { portsOf, type GivenPorts } from './proxy-options.ts';

/**
 * What is read when the server starts only, as the user writes it. The rest counts from the next deploy on, or for
 * nothing yet.
 */
const readAtStart: Readonly<Record<keyof ClusterSpec, string | undefined>> = {
  name: '[cluster] name',
  domain: undefined,
  logLevel: '[cluster] log_level',
  apiPort: '[cluster] api_port',
  apiBind: undefined,
  acme: '[acme]',
  proxy: '[proxy]',
  backup: undefined,
  security: undefined,
};

/** Why the server is to be restarted, and how, where cluster.toml asks for something else than when it started. */
export const needsRestart = (
  started: ClusterSpec,
  now: ClusterSpec,
  given: GivenPorts & { readonly apiPort?: number } = {},
): string | undefined => {
  const before = new Map<string, unknown>(Object.entries(withGiven(started, given)));
  const after = new Map<string, unknown>(Object.entries(withGiven(now, given)));
  const changed = Object.entries(readAtStart).flatMap(([key, written]) =>
    written === undefined || isDeepStrictEqual(before.get(key), after.get(key)) ? [] : [written],
  );
  if (changed.length === 0) return undefined;
  return `${changed.join(', ')} changed since the server started; a restart takes it into use: systemctl restart orca (containers and the proxy go on)`;
};

/** Ports of the command line stay what they are, whatever the file says. */
const withGiven = (
  cluster: ClusterSpec,
  { apiPort, ...ports }: GivenPorts & { readonly apiPort?: number },
): ClusterSpec => ({
  ...cluster,
  apiPort: apiPort ?? cluster.apiPort,
  proxy: { ...cluster.proxy, ...portsOf(cluster.proxy, ports) },
});
