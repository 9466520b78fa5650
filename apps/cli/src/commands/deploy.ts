import type { DeployEvent } from '@orca/api';
import { connect } from '../client.ts';
import type { Context, GlobalOptions } from '../context.ts';
import { infraRootOrNone } from '../infra-root.ts';
import { paletteFor } from '../render/ansi.ts';
import { showDeployment } from '../show-deployment.ts';

export interface DeployOptions extends GlobalOptions {
  readonly services: readonly string[];
  readonly dryRun: boolean;
  readonly recreate: boolean;
  readonly allowMassRemoval: boolean;
}

/** Makes the services as their files say; 1 when any of them is not. */
export const deploy = async (context: Context, options: DeployOptions): Promise<number> => {
  const events: AsyncIterable<DeployEvent> = connect(context, options).deploy(
    {
      services: options.services.length === 0 ? 'all' : options.services,
      dryRun: options.dryRun,
      recreate: options.recreate,
      allowMassRemoval: options.allowMassRemoval,
      root: infraRootOrNone(context, options),
    },
    context.signal,
  );
  return showDeployment(context, events, {
    isPreview: options.dryRun,
    palette: paletteFor(context.stdout, context.env),
  });
};
