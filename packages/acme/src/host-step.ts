import { assertServes, readCertificate, type Certificate } from './certificate.ts';
import { decide } from './decide.ts';
import { AcmeError, isAcmeError } from './errors.ts';
import type { OnAcmeEvent } from './events.ts';
import { failureOf } from './failure.ts';
import { underConfiguration, withFailure, withSaneTimes, withSuccess, type HostRecord } from './host-record.ts';
import { coversHost } from './host-name.ts';
import { createKeyPem, type KeyType } from './key-pair.ts';
import type { CertStore, Issuer, Leaser, Now, OrderProgress, Solver } from './ports.ts';
import type { Preflight } from './preflight.ts';
import { chooseWithin, nextWindowCheck } from './renewal.ts';
import { nextTryAt } from './retry.ts';
import { notingSolver, withoutLeftovers } from './shown-challenges.ts';

export interface StepContext {
  readonly store: CertStore;
  readonly leaser: Leaser;
  readonly issuer: Issuer;
  /** The authority's test twin: asked first after a failed validation, since its limits are generous. */
  readonly rehearsal: Issuer | undefined;
  /** In the order in which they are tried. */
  readonly solvers: readonly Solver[];
  readonly preflight: Preflight | undefined;
  readonly keyType: KeyType;
  readonly orderTimeoutMs: number;
  readonly configuration: string;
  readonly now: Now;
  readonly random: () => number;
  readonly onEvent: OnAcmeEvent;
  /** When another order may begin; counts one when that is now. */
  readonly claimOrder: () => number;
}

export interface StepResult {
  readonly certificate: Certificate | undefined;
  readonly record: HostRecord;
  /** Earliest time to look at the host again, where the record does not say. */
  readonly notBefore: number;
  /** Set when the certificate is a new one. */
  readonly issued?: { readonly isRenewal: boolean };
}

const busyMs = 2_000;
/** Most authorities need a second or two; one that needs longer is asked ever less often. */
const soonestLookMs = 500;
const latestLookMs = 15_000;
const longestLookMs = 3_600_000;
/** No order is worth being looked at for longer. */
const dayMs = 86_400_000;
/** The authority proper counts failed validations: it is not asked in a hurry. */
const afterRehearsalMs = 600_000;

/**
 * Does for one host what is due now, and nothing that waits. Everything is read from the store
 * once the lease is there, and written before the next thing is done: a crash at any line goes on
 * from the last one.
 */
export const stepHost = async (c: StepContext, host: string, signal: AbortSignal): Promise<StepResult | undefined> => {
  const lease = await c.leaser.tryAcquire(leaseKey(c.issuer, host));
  if (lease === undefined) return undefined;
  const both = AbortSignal.any([signal, lease.signal]);
  try {
    const known = await tidied(c, host, await loadHost(c, host));
    try {
      return await tidied(c, host, await act(c, host, known, both));
    } catch (error) {
      // Called off: nothing failed.
      both.throwIfAborted();
      return await fail(c, host, { error, before: known }, both);
    }
  } finally {
    await lease.release();
  }
};

/** Nothing is shown for an order that is over, however it ended. */
const tidied = async <T extends Known>(c: StepContext, host: string, result: T): Promise<T> => {
  const record = await withoutLeftovers(result.record, c.solvers, (next) => c.store.saveRecord(host, next));
  return { ...result, record };
};

export const leaseKey = ({ id }: Pick<Issuer, 'id'>, host: string): string => `host ${id} ${host}`;

export const busyUntil = (now: number): number => now + busyMs;

/** What the store has, as far as it can serve the host. */
export const loadHost = async (
  c: Pick<StepContext, 'store' | 'configuration' | 'now'>,
  host: string,
): Promise<Omit<StepResult, 'notBefore'>> => {
  const { certificate, record } = await c.store.load(host);
  const isOurs = certificate !== undefined && coversHost(certificate.names, host);
  const sane = withSaneTimes(record, c.now());
  const managed = { ...underConfiguration(sane, c.configuration), unmanagedSince: undefined };
  return { certificate: isOurs ? certificate : undefined, record: managed };
};

type Known = Omit<StepResult, 'notBefore'>;

const act = async (c: StepContext, host: string, known: Known, signal: AbortSignal): Promise<StepResult> => {
  const decision = decide(known, c.now());
  switch (decision.do) {
    case 'look':
      return look(c, host, known, signal);
    case 'begin':
      return begin(c, host, known, signal);
    case 'ask-window':
      return askWindow(c, host, known, signal);
    case 'wait':
      return { ...known, notBefore: decision.until };
    default:
      return decision satisfies never;
  }
};

const begin = async (c: StepContext, host: string, known: Known, signal: AbortSignal): Promise<StepResult> => {
  const solver = chooseSolver(c.solvers, host, known.record.validationFailures);
  await c.store.assertWritable(host);
  const allowedAt = c.claimOrder();
  if (allowedAt > c.now()) return { ...known, notBefore: allowedAt };
  if (solver.type === 'http-01') {
    const doubt = await c.preflight?.(host, signal);
    if (doubt !== undefined) c.onEvent({ type: 'doubt', host, reason: doubt });
  }
  const { validationFailures, isRehearsed } = known.record;
  const isRehearsal = c.rehearsal !== undefined && validationFailures > 0 && !isRehearsed;
  const issuer = isRehearsal ? (c.rehearsal ?? c.issuer) : c.issuer;
  const keyPem = await createKeyPem(c.keyType);
  const replaces = isRehearsal ? undefined : known.certificate;
  const order = await issuer.begin({ host, keyPem, challenge: solver.type, replaces }, signal);
  const record = { ...known.record, order: { ...order, nextLookAt: c.now(), isRehearsal } };
  await c.store.saveRecord(host, record);
  c.onEvent({ type: 'ordered', host, challenge: solver.type, isRehearsal });
  return look(c, host, { ...known, record }, signal);
};

const look = async (c: StepContext, host: string, known: Known, signal: AbortSignal): Promise<StepResult> => {
  const { order } = known.record;
  if (order === undefined) return { ...known, notBefore: c.now() };
  const issuer = order.isRehearsal ? (c.rehearsal ?? c.issuer) : c.issuer;
  const noting = notingSolver(solverFor(c.solvers, order.challenge), known.record, (record) =>
    c.store.saveRecord(host, record),
  );
  const progress = await issuer.advance(host, order, noting.solver, signal);
  if (progress.state === 'issued') return settle(c, host, { ...known, record: noting.record() }, progress);
  if (progress.state === 'gone')
    throw new AcmeError(
      'ORCA_ACME_TIMEOUT',
      `${host}: the authority does not know the order any more; a new one is placed`,
    );
  const age = c.now() - order.startedAt;
  if (age > c.orderTimeoutMs)
    throw new AcmeError(
      'ORCA_ACME_TIMEOUT',
      `${host}: the order was not done after ${Math.round(age / 1000)} s; it is given up and placed again`,
    );
  // Ever less often, and not before the authority wants to be asked, unless that is never.
  const until = Math.min(progress.until, c.now() + longestLookMs);
  const nextLookAt = Math.max(until, c.now() + Math.min(Math.max(age / 5, soonestLookMs), latestLookMs));
  const record = { ...noting.record(), order: { ...order, nextLookAt } };
  await c.store.saveRecord(host, record);
  return { ...known, record, notBefore: nextLookAt };
};

/** The old certificate serves until the new pair is checked and on disk (A17). */
const settle = async (
  c: StepContext,
  host: string,
  known: Known,
  { certPem, warning }: Extract<OrderProgress, { readonly state: 'issued' }>,
): Promise<StepResult> => {
  const { order } = known.record;
  if (order === undefined) return { ...known, notBefore: c.now() };
  const certificate = readCertificate(certPem, order.keyPem);
  assertServes(certificate, host, c.now());
  if (order.isRehearsal) {
    const record = { ...known.record, order: undefined, isRehearsed: true, nextTryAt: undefined };
    await c.store.saveRecord(host, record);
    return { ...known, record, notBefore: c.now() };
  }
  await c.store.saveCertificate(host, certificate);
  const record = withSuccess(known.record, c.configuration, {
    now: c.now(),
    notAfter: certificate.notAfter,
    replaced: known.certificate,
    warning,
  });
  await c.store.saveRecord(host, record);
  if (warning !== undefined) c.onEvent({ type: 'warning', host, reason: warning });
  return { certificate, record, notBefore: c.now(), issued: { isRenewal: known.certificate !== undefined } };
};

/** Advice that cannot be had is no failure: the lifetime decides then. */
const askWindow = async (c: StepContext, host: string, known: Known, signal: AbortSignal): Promise<StepResult> => {
  const now = c.now();
  const certPem = known.certificate?.certPem ?? '';
  let { window } = known.record;
  let retryAt: number | undefined;
  try {
    const info = await c.issuer.renewalInfo(certPem, signal);
    retryAt = info?.retryAt;
    if (info === undefined) window = undefined;
    else {
      const { start, end, explanationUrl } = info;
      window = chooseWithin({ start, end, explanationUrl }, window, c.random);
    }
  } catch (error) {
    signal.throwIfAborted();
    retryAt = failureOf(error).retryAt;
  }
  const record = { ...known.record, window, nextWindowCheckAt: nextWindowCheck(now, retryAt) };
  await c.store.saveRecord(host, record);
  return { ...known, record, notBefore: now };
};

/** `before`: what the step began with. What is stored by now may be newer. */
const fail = async (
  c: StepContext,
  host: string,
  { error, before: begun }: { readonly error: unknown; readonly before: Known },
  signal: AbortSignal,
): Promise<StepResult> => {
  const stored = await loadHost(c, host).catch(() => undefined);
  const { certificate, record: before } = stored ?? begun;
  const failure = failureOf(error);
  const now = c.now();
  const next = nextTryAt({
    failures: before.failures + 1,
    failure,
    now,
    notAfter: certificate?.notAfter,
    random: c.random(),
  });
  const isStale = before.order !== undefined && now - before.order.startedAt > Math.max(c.orderTimeoutMs, dayMs);
  const endsOrder = isStale || (isAcmeError(error) && error.endsOrder);
  const failed = withFailure(before, failure, { now, nextTryAt: next, endsOrder });
  // A test twin that is away, or wants nothing of us, says nothing of the name: the authority proper is asked.
  const record =
    isRehearsing(c, before) && ['server', 'refused', 'rate-limited'].includes(failure.kind)
      ? { ...failed, isRehearsed: true, order: undefined, nextTryAt: Math.min(next, now + afterRehearsalMs) }
      : failed;
  const notBefore = record.nextTryAt ?? next;
  c.onEvent({ type: 'failed', host, failure, nextTryAt: notBefore });
  // What cannot be read is not written over: an order may be in it. The certificate serves on meanwhile.
  if (stored === undefined) return { certificate, record, notBefore };
  // A full disk must not hide the failure, nor turn it into a loop: memory has the next time too.
  await c.store.saveRecord(host, record).catch(() => undefined);
  const result = await tidied(c, host, { certificate, record, notBefore });
  // Last: an authority that is away keeps it waiting, and everything else is done by then.
  if (before.order !== undefined && record.order === undefined) await abandon(c, before.order, signal);
  return result;
};

const isRehearsing = (c: StepContext, { order, validationFailures, isRehearsed }: HostRecord): boolean =>
  order?.isRehearsal ?? (c.rehearsal !== undefined && validationFailures > 0 && !isRehearsed);

/** Courtesy to the authority: what goes wrong here is of no consequence. */
const abandon = async (c: StepContext, order: NonNullable<HostRecord['order']>, signal: AbortSignal): Promise<void> => {
  const solver = c.solvers.find(({ type }) => type === order.challenge);
  const issuer = order.isRehearsal ? c.rehearsal : c.issuer;
  if (solver !== undefined) await issuer?.abandon(order, solver, signal).catch(() => undefined);
};

/** The next of the list after each failed validation, so that one which cannot work is passed over (A7). */
const chooseSolver = (solvers: readonly Solver[], host: string, failed: number): Solver => {
  const usable = host.startsWith('*.') ? solvers.filter(({ type }) => type === 'dns-01') : solvers;
  const solver = usable[failed % Math.max(usable.length, 1)];
  if (solver !== undefined) return solver;
  throw new AcmeError('ORCA_ACME_CONFIG', `${host}: no challenge is configured that can prove it`);
};

const solverFor = (solvers: readonly Solver[], type: Solver['type']): Solver => {
  const solver = solvers.find((one) => one.type === type);
  if (solver !== undefined) return solver;
  throw new AcmeError('ORCA_ACME_CHALLENGE', `the order wants the challenge ${type}, which is not configured any more`);
};
