import { connect } from '../client.ts';
import type { Context, GlobalOptions } from '../context.ts';
import { paletteFor } from '../render/ansi.ts';
import { showDeployment } from '../show-deployment.ts';

export interface StopOptions extends GlobalOptions {
  readonly services: readonly string[];
}

/** Stops services, and keeps them stopped until a deploy names them. */
export const stop = (context: Context, options: StopOptions): Promise<number> =>
  showDeployment(
    context,
    connect(context, options).stop(
      { services: options.services.length === 0 ? 'all' : options.services },
      context.signal,
    ),
    { isPreview: false, palette: paletteFor(context.stdout, context.env) },
  );
