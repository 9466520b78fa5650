import type { Argv } from 'yargs';
import { actions } from './actions.ts';
import type { Run } from './parser.ts';

/** `orca secrets …` */
export const secretsCommands = (parser: Argv, run: Run): Argv =>
  parser.command('secrets', 'keep secrets, sealed, beside the files', (y) =>
    keys(values(y, run), run)
      .option('accept-older', {
        type: 'boolean',
        default: false,
        describe: 'take secrets.json as it is, although a newer one was seen here',
      })
      .demandCommand(1, 'which one? see: orca secrets --help'),
  );

const json = { type: 'boolean', default: false, describe: 'for programs' } as const;

const values = (parser: Argv, run: Run): Argv =>
  parser
    .command(
      'set <name> [value]',
      'store a value; without one it is asked for, or read from standard input (-)',
      (y) =>
        y
          .positional('name', { type: 'string', demandOption: true, describe: 'NAME, or project.NAME' })
          .positional('value', { type: 'string', describe: 'stays in the history of the shell; better not' })
          .option('json', json)
          .example('orca secrets set DB_PASSWORD', 'asks, without showing it')
          .example('pass show db | orca secrets set DB_PASSWORD -', 'from another program')
          .example('orca secrets set APP_KEY - < key.pem', 'a file, several lines long'),
      run(actions.setSecret),
    )
    .command(
      'list',
      'names, revisions, ages and who uses them; never values',
      (y) =>
        y
          .option('json', json)
          .example('orca secrets list', '')
          .example("orca secrets list --json | jq -r '.[] | select(.consumers == []) | .name'", 'what nobody uses'),
      run(actions.listSecrets),
    )
    .command(
      ['rm <name>', 'remove <name>'],
      'forget a value; refused while a service uses it',
      (y) =>
        y
          .positional('name', { type: 'string', demandOption: true })
          .option('force', { type: 'boolean', default: false, describe: 'also when it is used' })
          .example('orca secrets rm OLD_TOKEN', ''),
      run(actions.removeSecret),
    )
    .command(
      'import',
      'store every line of a .env file; all of it or nothing',
      (y) =>
        y
          .option('file', { alias: 'f', type: 'string', demandOption: true, describe: 'the file; - is standard input' })
          .option('json', json)
          .example('orca secrets import -f .env', 'then remove the file'),
      run(actions.importSecrets),
    );

const keys = (parser: Argv, run: Run): Argv =>
  parser
    .command(
      'verify',
      'open everything and say whether it is whole',
      (y) =>
        y
          .option('json', json)
          .example('orca secrets verify', '')
          .example('orca secrets verify --accept-older', 'after secrets.json was restored from a backup'),
      run(actions.verifySecrets),
    )
    .command(
      'rotate-key',
      'new keys; values stay, nothing has to be deployed, and a run that was cut off is finished',
      (y) =>
        y
          .option('master-only', { type: 'boolean', default: false, describe: 'keep the data key of the values' })
          .option('passphrase', {
            type: 'boolean',
            describe: 'ask for a passphrase that protects the key file; --no-passphrase takes it away',
          })
          .option('json', json)
          .example('orca secrets rotate-key', 'after somebody left who had the key')
          .example('orca secrets rotate-key --passphrase', 'the server then reads it from ORCA_PASSPHRASE_FILE'),
      run(actions.rotateKey),
    )
    .command(
      'export',
      'print a page to recover the secrets with',
      (y) =>
        y
          .option('recovery', { type: 'boolean', default: false, describe: 'the master key, and what to do with it' })
          .example('orca secrets export --recovery | lpr', 'on paper, into a safe'),
      run(actions.exportRecovery),
    );
