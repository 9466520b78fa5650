import { openAccessLog } from './access-log/access-log.ts';
import { checkLimits, checkTimeouts } from './bounds.ts';
import { drainTarget } from './drain.ts';
import { defaultEjection, Ejections } from './ejection.ts';
import { ProxyError } from './errors.ts';
import { createFront } from './front.ts';
import { Holds } from './hold.ts';
import { HttpChallengeBook } from './http-challenges.ts';
import { Journal } from './journal.ts';
import { Ledger } from './ledger.ts';
import type { Proxy, ProxyAddress, ProxyOptions } from './options.ts';
import { compilePolicy } from './policy.ts';
import { RouteBook } from './route-book.ts';
import { defaultLimits, defaultTimeouts } from './settings.ts';
import { Table } from './table.ts';
import type { TlsFront } from './tls/tls-front.ts';
import { createUpstream } from './upstreams.ts';

const defaultGraceMs = 10_000;

/** A proxy in this process. It serves what `replace` says, nothing before that. */
export const createProxy = (options: ProxyOptions): Proxy => {
  checkTimeouts(options.timeouts ?? {});
  checkLimits(options.limits ?? {});
  const timeouts = { ...defaultTimeouts, ...options.timeouts };
  const observe = options.onEvent ?? ((): void => {});
  const ledger = new Ledger();
  const now = options.now ?? ((): number => performance.now());
  const ejections = new Ejections({ ...defaultEjection, ...options.ejection }, now);
  const table = new Table({ ledger, ejections, random: options.random ?? Math.random });
  const holds = new Holds(now, observe);
  const upstream = createUpstream(timeouts);
  const settings = { policy: compilePolicy(options) };
  const book = new RouteBook();
  const httpChallenges = new HttpChallengeBook();
  const wallClock = options.wallClock ?? Date.now;
  const log = options.accessLog && openAccessLog(options.accessLog, wallClock, observe);
  const journal = new Journal({ book, log, now, wallClock });
  let closed: Promise<void> | undefined;
  let isRetiring = false;
  const isClosing = (): boolean => closed !== undefined;
  const { before, https } = options;
  let limits = { ...defaultLimits, ...options.limits };
  const front = createFront(
    {
      table,
      ledger,
      ejections,
      holds,
      upstream,
      observe,
      timeouts,
      settings,
      book,
      challenges: httpChallenges,
      journal,
      isClosing,
      before,
      refuseMisdirected: https?.refuseMisdirected === true,
      limits: () => limits,
    },
    options,
  );

  const shutDown = async (graceMs: number): Promise<void> => {
    const ended = front.close();
    const grace = setTimeout(
      () => {
        ledger.cutTunnels();
        holds.end();
      },
      Math.min(timeouts.upgradeGraceMs, graceMs),
    );
    const deadline = setTimeout(() => front.cut(), graceMs);
    await ended;
    clearTimeout(grace);
    clearTimeout(deadline);
    await upstream.close();
    await log?.close();
  };
  const retire = async (graceMs: number): Promise<void> => {
    isRetiring = true;
    const ended = front.retire();
    const deadline = setTimeout(() => front.cut(), graceMs);
    await ended;
    clearTimeout(deadline);
    await upstream.close();
    // Whoever retired ends soon after: what is still to be written would be lost.
    await log?.close();
  };
  const tls = (): TlsFront => {
    if (front.tls === undefined) throw new ProxyError('ORCA_PROXY_NOT_LISTENING', 'the proxy was made without HTTPS');
    return front.tls;
  };

  return {
    get address(): ProxyAddress {
      if (front.address === undefined)
        throw new ProxyError('ORCA_PROXY_NOT_LISTENING', 'the proxy has no address before listen() has resolved');
      return front.address;
    },
    hasHttps: front.tls !== undefined,
    get httpsAddress(): ProxyAddress | undefined {
      return front.httpsAddress;
    },
    setCertificates: (certificates) => tls().setCertificates(certificates),
    setChallengeCertificates: (challenges) => tls().setChallenges(challenges),
    setTicketKeys: (keys) => tls().setTicketKeys(keys),
    setLimits: (next) => {
      checkLimits(next);
      limits = { ...defaultLimits, ...next };
    },
    configure: (next) => {
      settings.policy = compilePolicy(next);
    },
    replace: (next) => {
      upstream.retain(table.replace(next));
      book.replace(next);
      holds.release((claim) => table.isHeld(claim));
    },
    setChallenges: (next) => httpChallenges.replace(next),
    metrics: () => journal.metrics(),
    reopenLog: async () => log?.reopen(),
    drain: async (targetId, drain) => {
      if (table.isRouted(targetId))
        throw new ProxyError(
          'ORCA_PROXY_TARGET_ROUTED',
          `target ${targetId} still gets requests: replace the table first, then drain`,
        );
      await drainTarget(ledger, targetId, { ...drain, upgradeGraceMs: timeouts.upgradeGraceMs, observe });
    },
    listen: (handles) => front.listen(handles),
    retire: (graceMs) => (closed ??= retire(graceMs)),
    close: async (graceMs = defaultGraceMs) => {
      // A retirement may take long; a close after it is a wish to see the end.
      if (isRetiring) await shutDown(graceMs);
      await (closed ??= shutDown(graceMs));
    },
  };
};
