import type { DeployEvent, DeployOutcome, WireIssue } from './contract.ts';
import { ApiError } from './errors.ts';

type End = Extract<DeployEvent, { type: 'end' }>;

/** A whole deploy as one JSON answer, for callers that do not follow its events. */
export interface DeploySummary {
  readonly outcome: DeployOutcome;
  /** Services that were changed. */
  readonly deployed: readonly string[];
  readonly unchanged: readonly string[];
  /** One sentence for each service that failed or was blocked. */
  readonly errors: readonly string[];
  readonly issues: readonly WireIssue[];
  readonly message?: string;
}

/** Follows a deploy to its end; the status is 200, 206 when only a part was done, 400 or 500. */
export const summarise = async (
  events: AsyncIterable<DeployEvent>,
): Promise<{ readonly status: number; readonly summary: DeploySummary }> => {
  const issues: WireIssue[] = [];
  const blocked: string[] = [];
  let end: End | undefined;
  for await (const event of events) {
    if (event.type === 'issue') issues.push(event.issue);
    // A deploy plans again after each turn; only what is blocked at last counts.
    if (event.type === 'plan')
      blocked.splice(0, blocked.length, ...event.blocked.map((b) => `${b.service}: ${b.reasons.join('; ')}`));
    if (event.type === 'end') end = event;
  }
  if (end === undefined) throw new ApiError(500, 'the deploy broke off without an outcome');
  const failures = end.failures.map(({ service, reason }) => `${service}: ${reason}`);
  const summary: DeploySummary = {
    outcome: end.outcome,
    deployed: [...new Set(end.changed.map(({ service }) => service))],
    unchanged: end.unchanged,
    errors: [...new Set([...failures, ...blocked])],
    issues,
    ...(end.message === undefined ? {} : { message: end.message }),
  };
  return { status: statusOf(summary), summary };
};

const statusOf = ({ outcome, deployed }: DeploySummary): number => {
  switch (outcome) {
    case 'converged':
    case 'planned':
      return 200;
    case 'refused':
      return 400;
    case 'failed':
    case 'blocked':
    case 'cancelled':
      return deployed.length > 0 ? 206 : 500;
    default:
      return outcome satisfies never;
  }
};
