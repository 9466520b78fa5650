import { CliError, type Context } from '../../context.ts';
import { askHidden } from '../../read-secret.ts';
import { openPlace, type SecretsOptions } from './place.ts';

export interface RotateKeyOptions extends SecretsOptions {
  readonly masterOnly: boolean;
  /** `true` asks for one, `false` takes it away, `undefined` leaves a key without one as it is. */
  readonly passphrase: boolean | undefined;
  readonly json: boolean;
}

/** A new master key and a new data key. Values stay, and nothing has to be deployed. */
export const rotateKey = async (context: Context, options: RotateKeyOptions): Promise<number> => {
  const { masterOnly, passphrase, json, ...global } = options;
  const place = await openPlace(context, global);
  const chosen = passphrase === true ? await newPassphrase(context) : passphrase === false ? '' : undefined;
  const { keyId, keptAt, isResumed } = await place.store.rotateKeys({
    masterOnly,
    ...(chosen === undefined ? {} : { passphrase: chosen }),
  });
  if (json) {
    context.stdout.write(`${JSON.stringify({ keyId, keptAt, isResumed }, null, 2)}\n`);
    return 0;
  }
  context.stdout.write(
    [
      `${isResumed ? 'the rotation that was cut off is finished' : 'keys rotated'}: ${place.key.keyPath} is key ${keyId} now; nothing has to be deployed`,
      ...(keptAt === undefined
        ? []
        : [
            `the key before it is kept for backups and other repositories: ${keptAt}; once none needs it: rm ${keptAt}`,
          ]),
      'print a new recovery sheet: orca secrets export --recovery',
      '',
    ].join('\n'),
  );
  return 0;
};

const newPassphrase = async (context: Context): Promise<string> => {
  if (!context.stdin.isTTY)
    throw new CliError(
      'a passphrase is asked for twice, on a terminal: run orca secrets rotate-key --passphrase there',
    );
  const first = await askHidden(context, 'new passphrase of the master key');
  if (first.length < 8) throw new CliError('a passphrase has 8 characters or more; nothing was changed');
  if ((await askHidden(context, 'the same again')) !== first)
    throw new CliError('the two were not the same; nothing was changed');
  return first;
};
