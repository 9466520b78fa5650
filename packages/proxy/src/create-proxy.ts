import type { Server } from 'node:http';
import { drainTarget } from './drain.ts';
import { defaultEjection, Ejections } from './ejection.ts';
import { ProxyError } from './errors.ts';
import { createFront } from './front.ts';
import { Holds } from './hold.ts';
import { createHttp1Upstream } from './http1-client/create-http1-upstream.ts';
import { Ledger } from './ledger.ts';
import type { Proxy, ProxyAddress, ProxyOptions } from './options.ts';
import { compilePolicy } from './policy.ts';
import { defaultTimeouts } from './settings.ts';
import { Table } from './table.ts';

const defaultGraceMs = 10_000;

/** A proxy in this process. It serves what `replace` says, nothing before that. */
export const createProxy = (options: ProxyOptions): Proxy => {
  const timeouts = { ...defaultTimeouts, ...options.timeouts };
  const observe = options.onEvent ?? ((): void => {});
  const ledger = new Ledger();
  const now = options.now ?? ((): number => performance.now());
  const ejections = new Ejections({ ...defaultEjection, ...options.ejection }, now);
  const table = new Table({ ledger, ejections, random: options.random ?? Math.random });
  const holds = new Holds(now, observe);
  const upstream = createHttp1Upstream(timeouts);
  const settings = { policy: compilePolicy(options) };
  let closed: Promise<void> | undefined;
  const isClosing = (): boolean => closed !== undefined;
  const { before } = options;
  const { server, connections } = createFront({
    table,
    ledger,
    ejections,
    holds,
    upstream,
    observe,
    timeouts,
    settings,
    isClosing,
    before,
  });

  const shutDown = async (graceMs: number): Promise<void> => {
    const ended = closeServer(server);
    const open = [...connections.values()];
    for (const connection of open) connection.retire();
    const grace = setTimeout(
      () => {
        ledger.cutTunnels();
        holds.end();
      },
      Math.min(timeouts.upgradeGraceMs, graceMs),
    );
    const deadline = setTimeout(() => {
      for (const { socket } of open) socket.destroy();
    }, graceMs);
    await Promise.all([ended, ...open.map(({ closed: gone }) => gone)]);
    clearTimeout(grace);
    clearTimeout(deadline);
    await upstream.close();
  };

  return {
    get address(): ProxyAddress {
      const address = server.address();
      if (address === null || typeof address === 'string')
        throw new ProxyError('ORCA_PROXY_NOT_LISTENING', 'the proxy has no address before listen() has resolved');
      return { host: address.address, port: address.port };
    },
    configure: (next) => {
      settings.policy = compilePolicy(next);
    },
    replace: (next) => {
      upstream.retain(table.replace(next));
      holds.release((claim) => table.isHeld(claim));
    },
    drain: async (targetId, drain) => {
      if (table.isRouted(targetId))
        throw new ProxyError(
          'ORCA_PROXY_TARGET_ROUTED',
          `target ${targetId} still gets requests: replace the table first, then drain`,
        );
      await drainTarget(ledger, targetId, { ...drain, upgradeGraceMs: timeouts.upgradeGraceMs, observe });
    },
    listen: () => listen(server, options),
    close: (graceMs = defaultGraceMs) => (closed ??= shutDown(graceMs)),
  };
};

const listen = async (server: Server, { port, bind }: ProxyOptions): Promise<void> => {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ port, host: bind }, resolve);
  await promise;
  server.off('error', reject);
};

/** Takes no more connections and ends idle ones; those in use end with their response, which says so. */
const closeServer = async (server: Server): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  await promise;
};
