import type { DeployEvent, WireIssue } from '@orca/api';
import type { ReconcilerEvent } from '@orca/reconcile';
import type { EngineEvent } from '@orca/runtime-docker';
import type { ServiceSpec } from '@orca/spec';
import type { Logger } from 'pino';
import type { CrashEvent } from './crashes.ts';
import type { LivenessEvent } from './liveness.ts';
import { messageOf, wireStep } from './wire.ts';

/** What is doubtful about the files. */
export const logIssue = (log: Logger, { file, line, path, message }: WireIssue): void =>
  log.warn({ at: `${file}:${line}`, path }, message);

/**
 * The end of a deploy and what is doubtful about it, as its caller is told: a deploy may have
 * nobody who reads its answer. The steps are logged as the loop makes them.
 */
export const logDeploy = (log: Logger, event: DeployEvent): void => {
  if (event.type === 'issue') logIssue(log, event.issue);
  if (event.type !== 'end') return;
  const { outcome, changed, failures, mutatingCalls, ms, message, operation } = event;
  const level = outcome === 'converged' || outcome === 'planned' ? 'info' : 'error';
  log[level](
    {
      operation,
      outcome,
      changed,
      failures: failures.map(({ service, reason }) => ({ service, reason })),
      mutatingCalls,
      ms: Math.round(ms),
      message,
    },
    'deploy ended',
  );
};

/** Every step that anybody or anything caused, with its reason. */
export const logLoop = (log: Logger, redact: (text: string) => string, event: ReconcilerEvent<ServiceSpec>): void => {
  switch (event.type) {
    case 'step.done':
    case 'step.failed':
    case 'step.skipped': {
      const { id, action, reason } = wireStep(event.step);
      const ms = 'ms' in event ? Math.round(event.ms) : undefined;
      if (event.type === 'step.done') log.info({ step: id, ms, reason }, `${action} done`);
      else if (event.type === 'step.skipped') log.warn({ step: id, reason, after: event.because }, `${action} skipped`);
      else log.error({ step: id, ms, reason, error: redact(messageOf(event.error)) }, `${action} failed`);
      break;
    }
    case 'settled': {
      const { service, settlement } = event;
      if (settlement.retryMs === undefined) break;
      const { failures, retryMs, failed, last } = settlement;
      const [first] = failed;
      const reason = first === undefined ? last.blocked.flatMap((b) => b.reasons).join('; ') : messageOf(first.error);
      log.warn(
        { service, failures, retryMs: Math.round(retryMs), reason: redact(reason) },
        'not as desired yet; tries again',
      );
      break;
    }
    case 'lost':
      log.warn({ reason: event.reason }, 'container engine does not answer; nothing is changed until it does');
      break;
    case 'back':
      log.info('container engine is back');
      break;
    case 'resynced':
      // What is done about it is logged step by step, with the reason of each.
      log.debug({ ms: Math.round(event.ms), services: event.triggered }, 'looked at everything');
      break;
    case 'step.started':
    case 'plan':
      break;
    default:
      event satisfies never;
  }
};

export const logLiveness = (log: Logger, event: LivenessEvent): void => {
  if (event.type === 'breaker') {
    const { failing, probed } = event;
    if (event.isOpen)
      log.error({ failing, probed }, 'most liveness probes fail at once: the node is suspected, nothing is restarted');
    else log.info({ failing, probed }, 'most liveness probes succeed again');
    return;
  }
  const { key: instance, reason } = event;
  if (event.type === 'ailing') log.warn({ instance, reason }, 'is to be restarted');
  else log.warn({ instance, reason, waitMs: Math.round(event.waitMs) }, 'failed again; its restart has to wait');
};

export const logCrash = (log: Logger, event: CrashEvent): void => {
  if (event.type === 'crashed') log.warn({ instance: event.key, reason: event.reason }, 'ended without being asked to');
  else if (event.type === 'rests')
    log.error(
      { instance: event.key, reason: event.reason, forMs: Math.round(event.forMs) },
      'crash loop; it has to rest',
    );
  else log.info({ instance: event.key }, 'has rested');
};

export const logEngine = (log: Logger, event: EngineEvent): void => {
  if (event.type === 'connected') log.debug('hears the events of the container engine');
  else if (event.type === 'disconnected') log.debug({ reason: event.reason }, 'events of the container engine ended');
  else log.debug(event, 'engine event');
};
