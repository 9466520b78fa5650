import type { Argv } from 'yargs';
import { actions } from './actions.ts';
import type { Run } from './parser.ts';

export const proxyCommands = (parser: Argv, run: Run): Argv =>
  parser.command('proxy', 'look at the proxy, which runs without the server too', (y) =>
    y
      .command(
        'status',
        'its processes and what they serve',
        (s) => s.option('json', { type: 'boolean', default: false, describe: 'for programs' }),
        run(actions.proxyStatus),
      )
      .command(
        'stop',
        'end it; a server that runs, or the next one, starts it again',
        (s) =>
          s
            .option('grace-secs', { type: 'number', default: 10, describe: 'what is in flight may end within' })
            .example('orca proxy stop', 'after the server was ended: nothing of orca runs but the containers'),
        run(actions.stopProxy),
      )
      .demandCommand(1, 'which one? see: orca proxy --help'),
  );
