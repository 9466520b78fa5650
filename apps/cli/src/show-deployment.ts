import type { DeployEvent } from '@orca/api';
import type { Context } from './context.ts';
import type { Palette } from './render/ansi.ts';
import { endLines, issueLine, planLines, stepLine, waitingLine } from './render/lines.ts';
import { LiveList } from './render/live-list.ts';

export interface ShowOptions {
  /** Show the plan itself instead of the steps. */
  readonly isPreview: boolean;
  readonly palette: Palette;
}

/** Prints a deployment while it runs, live on a terminal and line by line in a pipe; gives the exit code. */
export const showDeployment = async (
  context: Context,
  events: AsyncIterable<DeployEvent>,
  options: ShowOptions,
): Promise<number> => {
  const { stdout, stderr } = context;
  const { palette, isPreview } = options;
  const print = (line: string): void => void stdout.write(`${line}\n`);
  const isLive = stdout.isTTY && context.env['TERM'] !== 'dumb' && !isPreview;
  const live = isLive ? new LiveList({ stream: stdout, palette, now: () => performance.now() }) : undefined;
  let width = 0;
  let exitCode = 1;
  try {
    for await (const event of events) {
      switch (event.type) {
        case 'issue':
          stderr.write(`${issueLine(event.issue)}\n`);
          break;
        case 'waiting':
          if (live === undefined) print(waitingLine(event.services, palette));
          else live.wait(event.services);
          break;
        case 'plan':
          width = Math.max(width, ...event.steps.map((s) => s.service.length));
          if (isPreview) planLines(event, palette).forEach(print);
          else if (event.steps.length > 0) live?.begin([...new Set(event.steps.map((s) => s.service))]);
          break;
        case 'step': {
          if (live !== undefined) {
            live.step(event);
            break;
          }
          const line = stepLine(event, width, palette);
          if (line !== undefined) print(line);
          break;
        }
        case 'end':
          live?.end();
          endLines(event, palette).forEach(print);
          exitCode = exitCodeOf(event.outcome);
          break;
        default:
          event satisfies never;
      }
    }
  } catch (error) {
    live?.end();
    if (!context.signal.aborted) throw error;
    print(`${palette.yellow('!')} called off; what was not done yet goes back to what ran before (see: orca status)`);
    return 130;
  }
  return exitCode;
};

const exitCodeOf = (outcome: Extract<DeployEvent, { type: 'end' }>['outcome']): number => {
  if (outcome === 'cancelled') return 130;
  return outcome === 'converged' || outcome === 'planned' ? 0 : 1;
};
