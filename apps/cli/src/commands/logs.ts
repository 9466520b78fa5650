import { connect } from '../client.ts';
import type { Context, GlobalOptions } from '../context.ts';

export interface LogsOptions extends GlobalOptions {
  readonly service: string;
  readonly tail: number;
  readonly follow: boolean;
  readonly failed: boolean;
}

/** Prints what a service printed, its error stream on the error stream; several replicas carry their slot. */
export const logs = async (
  context: Context,
  { service, tail, follow, failed, ...global }: LogsOptions,
): Promise<number> => {
  const slots = new Set<number>();
  try {
    for await (const line of connect(context, global).logs({ service, tail, follow, failed }, context.signal)) {
      slots.add(line.slot);
      const prefix = slots.size > 1 || line.slot > 1 ? `${service}-${line.slot} | ` : '';
      (line.stream === 'stderr' ? context.stderr : context.stdout).write(`${prefix}${line.text}\n`);
    }
  } catch (error) {
    // Ctrl-C is the way to end a follow, not a failure of it.
    if (!context.signal.aborted) throw error;
  }
  return 0;
};
