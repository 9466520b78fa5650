import type { Argv } from 'yargs';
import { actions } from './actions.ts';
import type { Run } from './parser.ts';

/** `orca certs …` */
export const certsCommands = (parser: Argv, run: Run): Argv =>
  parser.command(
    'certs',
    'show the certificate of every domain: who signed it, when it is renewed and why, and what failed',
    (y) =>
      y
        .command(
          'renew <host>',
          'get a new certificate now, whatever failed before',
          (z) => z.positional('host', { type: 'string', demandOption: true }),
          run(actions.renewCert),
        )
        .command(
          'revoke <host>',
          'tell the authority not to trust it any more, and get one with a new key',
          (z) => z.positional('host', { type: 'string', demandOption: true }),
          run(actions.revokeCert),
        )
        .option('json', { type: 'boolean', default: false, describe: 'for programs' })
        .example('orca certs', '')
        .example('orca certs --json | jq -r \'.[] | select(.state != "valid").host\'', 'what has none'),
    run(actions.certs),
  );
