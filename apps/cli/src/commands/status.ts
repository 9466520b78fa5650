import { connect } from '../client.ts';
import type { Context, GlobalOptions } from '../context.ts';
import { paletteFor } from '../render/ansi.ts';
import { issueLine } from '../render/lines.ts';
import { statusLines } from '../render/status-table.ts';

export interface StatusOptions extends GlobalOptions {
  readonly json: boolean;
  readonly project: string | undefined;
}

/** Shows every service; 1 when the engine cannot be asked. */
export const status = async (context: Context, options: StatusOptions): Promise<number> => {
  const whole = await connect(context, options).status(context.signal);
  const { project } = options;
  const shown =
    project === undefined ? whole : { ...whole, services: whole.services.filter((s) => s.project === project) };
  if (options.json) {
    context.stdout.write(`${JSON.stringify(shown, null, 2)}\n`);
  } else {
    for (const issue of shown.issues.filter((i) => i.severity === 'error'))
      context.stderr.write(`${issueLine(issue)}\n`);
    const lines = statusLines(shown, paletteFor(context.stdout, context.env), Date.now());
    context.stdout.write(`${lines.join('\n')}\n`);
  }
  return whole.runtimeError === undefined ? 0 : 1;
};
