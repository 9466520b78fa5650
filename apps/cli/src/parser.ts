import yargs, { type Argv } from 'yargs';
import { actions, type Action } from './actions.ts';
import { certsCommands } from './certs-parser.ts';
import { CliError, usageError, type Context } from './context.ts';
import { proxyCommands } from './proxy-parser.ts';
import { secretsCommands } from './secrets-parser.ts';

/** Makes a yargs handler of an action. */
export type Run = (action: Action) => (argv: unknown) => Promise<void>;

/** In words of yargs'; what it counts are the names of services and the like. */
const tooFew = /^Not enough non-option arguments: got (\d+), need at least (\d+)$/;

/** The full grammar, with help and examples. */
export const buildParser = (args: readonly string[], context: Context, run: Run): Argv => {
  const parser = yargs([...args])
    .scriptName('orca')
    .usage('orca <command>\n\nRuns the services of an infra repository on Docker.')
    .option('api', { type: 'string', describe: 'address of the server (ORCA_API; http://127.0.0.1:6880)' })
    .option('dir', { type: 'string', describe: 'the infra repository (ORCA_DIR; found by walking up from here)' })
    .version(context.version)
    .wrap(Math.min(100, context.stdout.columns || 100))
    .strict()
    .demandCommand(1, 'which command? see: orca --help')
    .recommendCommands()
    .exitProcess(false)
    .showHelpOnFail(false)
    .epilogue('Start here: orca server, and in another terminal: orca deploy')
    .fail((message, error) => {
      throw error ?? new CliError(withHelp(message), usageError);
    });
  return secretsCommands(certsCommands(proxyCommands(operations(parser, run), run), run), run);
};

const operations = (parser: Argv, run: Run): Argv =>
  parser
    .command(
      'server',
      'run the control plane in the foreground; the proxy runs on when it ends',
      (y) =>
        y
          .option('api-port', { type: 'number', describe: 'instead of [cluster] api_port' })
          .option('proxy-port', { type: 'number', describe: 'instead of [proxy] http_port; alone it means no HTTPS' })
          .option('https-port', { type: 'number', describe: 'instead of [proxy] https_port' })
          .example('cd ~/orca && orca server', 'serve the repository in ~/orca')
          .example('orca server --dir ~/orca --proxy-port 8080', 'without the right to port 80'),
      run(actions.server),
    )
    .command(
      'deploy [services..]',
      'make the services as their files say',
      (y) =>
        y
          .positional('services', { type: 'string', array: true, describe: 'only these; all without a name' })
          .option('dry-run', { type: 'boolean', default: false, describe: 'show the plan, change nothing' })
          .option('allow-mass-removal', {
            type: 'boolean',
            default: false,
            describe: 'confirm removing many services at once',
          })
          .example('orca deploy', 'everything under services/; only what changed is recreated')
          .example('orca deploy web', 'this one alone; starts it again if it was stopped'),
      run(actions.deploy),
    )
    .command(
      'redeploy <services..>',
      'replace services although nothing of them changed: in their usual order, and back again if it fails',
      (y) =>
        y
          .positional('services', { type: 'string', array: true, demandOption: true })
          .example('orca redeploy web', 'looks for a newer image behind a tag that can move, then replaces web'),
      run(actions.redeploy),
    )
    .command(
      'plan [services..]',
      'show what a deploy would do, and why',
      (y) =>
        y
          .positional('services', { type: 'string', array: true })
          .option('allow-mass-removal', {
            type: 'boolean',
            default: false,
            describe: 'as if the removal were confirmed',
          })
          .example('orca plan', 'like a deploy, without doing it'),
      run(actions.plan),
    )
    .command(
      'status',
      'show every service and why it is not as it should be',
      (y) =>
        y
          .option('json', { type: 'boolean', default: false, describe: 'for programs' })
          .option('project', { type: 'string', describe: 'only this project' })
          .example("orca status --json | jq -r '.services[].status'", ''),
      run(actions.status),
    )
    .command(
      'logs <service>',
      'show what a service printed',
      (y) =>
        y
          .positional('service', { type: 'string', demandOption: true })
          .option('tail', { type: 'number', default: 100, describe: 'lines from the end' })
          .option('follow', { alias: 'f', type: 'boolean', default: false, describe: 'go on until Ctrl-C' })
          .option('failed', {
            type: 'boolean',
            default: false,
            describe: 'of what failed and was kept for its output, not of what runs',
          })
          .example('orca logs web -f', 'from the last 100 lines on')
          .example('orca logs web --failed', 'why the last update was taken back'),
      run(actions.logs),
    )
    .command(
      'stop [services..]',
      'stop services and keep them stopped until a deploy names them; containers and data stay',
      (y) =>
        y
          .positional('services', { type: 'string', array: true, describe: 'all without a name' })
          .example('orca stop web', ''),
      run(actions.stop),
    );

const withHelp = (message: string): string => {
  if (message.includes('see: ')) return message;
  return `${message.replace(tooFew, 'a name is missing: got $1, at least $2 is needed')}\nsee: orca --help`;
};
