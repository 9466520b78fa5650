import { ApiError, type LogLine, type LogsRequest } from '@orca/api';
import type { InstanceKey } from '@orca/reconcile';
import type { DockerRuntime, InstanceDetails } from '@orca/runtime-docker';
import { EventQueue } from './event-queue.ts';

/** How many lines a failure shows: enough for the stack trace of a JVM. */
const failureTail = 50;

/** The last lines of an instance, for the report of its failure. */
export const lastLines = async (runtime: DockerRuntime, key: InstanceKey): Promise<readonly string[]> => {
  const lines: string[] = [];
  const signal = AbortSignal.timeout(5_000);
  for await (const { text } of runtime.logs(key, { tail: failureTail, follow: false, signal })) lines.push(text);
  return lines.slice(-failureTail);
};

/** The instances that a request for logs is about; throws 404 when there is none. */
export const whoseLogs = (
  instances: readonly InstanceDetails[],
  { service, failed = false }: LogsRequest,
): readonly InstanceDetails[] => {
  const own = instances.filter((i) => i.service === service);
  if (own.length === 0) throw new ApiError(404, `${service} has no container; deploy it first: orca deploy ${service}`);
  const unproven = own.filter((i) => i.stage === 'candidate');
  if (failed && unproven.length === 0)
    throw new ApiError(404, `${service} has no failed or unproven container; its logs: orca logs ${service}`);
  const current = own.filter((i) => i.stage === 'current');
  // A failed candidate's lines are what the reader of a broken first deploy looks for.
  if (failed || current.length === 0) return unproven.length > 0 ? unproven : own;
  return current;
};

/** Lines of several instances as they come, each with its slot. */
export const followLogs = async function* (
  runtime: DockerRuntime,
  instances: readonly InstanceDetails[],
  { tail, follow }: LogsRequest,
  signal: AbortSignal,
): AsyncGenerator<LogLine> {
  const queue = new EventQueue<LogLine>();
  let failure: unknown;
  const readers = instances.map(async ({ key, slot }) => {
    for await (const line of runtime.logs(key, { tail, follow, signal })) queue.push({ ...line, slot });
  });
  const all = Promise.all(readers)
    .catch((error: unknown) => {
      failure = error;
    })
    .finally(() => queue.end());
  yield* queue;
  await all;
  if (failure !== undefined && !signal.aborted) throw failure;
};
