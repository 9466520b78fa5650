import yargs, { type Argv } from 'yargs';
import { deploy } from './commands/deploy.ts';
import { logs } from './commands/logs.ts';
import { listSecrets, removeSecret, setSecret } from './commands/secrets.ts';
import { server } from './commands/server.ts';
import { status } from './commands/status.ts';
import { stop } from './commands/stop.ts';
import { CliError, type Context, type GlobalOptions } from './context.ts';

const usageError = 2;

/** Parses the arguments and runs the command; gives the exit code: 0 done, 1 failed, 2 misused, 130 interrupted. */
export const runCli = async (args: readonly string[], context: Context): Promise<number> => {
  let exitCode = 0;
  const run =
    <T extends object>(
      command: (c: Context, options: GlobalOptions & T) => Promise<number>,
      read: (argv: Parsed) => T,
    ) =>
    async (argv: unknown): Promise<void> => {
      const parsed = asParsed(argv);
      const global = { api: text(parsed, 'api'), dir: text(parsed, 'dir') };
      exitCode = await command(context, { ...global, ...read(parsed) });
    };
  try {
    await build(args, context, run).parseAsync();
    return exitCode;
  } catch (error) {
    return report(error, context);
  }
};

type Parsed = Readonly<Record<string, unknown>>;
type Run = <T extends object>(
  command: (c: Context, options: GlobalOptions & T) => Promise<number>,
  read: (argv: Parsed) => T,
) => (argv: unknown) => Promise<void>;

const build = (args: readonly string[], context: Context, run: Run): Argv => {
  const parser = yargs([...args])
    .scriptName('orca')
    .usage('orca <command>\n\nRuns the services of an infra repository on Docker.')
    .option('api', { type: 'string', describe: 'address of the server (ORCA_API; http://127.0.0.1:6880)' })
    .option('dir', { type: 'string', describe: 'the infra repository (ORCA_DIR; found by walking up from here)' })
    .version(context.version)
    .wrap(Math.min(100, context.stdout.columns ?? 100))
    .strict()
    .demandCommand(1, 'which command? see: orca --help')
    .recommendCommands()
    .exitProcess(false)
    .showHelpOnFail(false)
    .epilogue('Start here: orca server, and in another terminal: orca deploy')
    .fail((message, error) => {
      throw error ?? new CliError(`${message}\nsee: orca --help`, usageError);
    });
  return secrets(operations(parser, run), run);
};

const operations = (parser: Argv, run: Run): Argv =>
  parser
    .command(
      'server',
      'run the control plane and the proxy in the foreground',
      (y) =>
        y
          .option('api-port', { type: 'number', describe: 'instead of [cluster] api_port' })
          .option('proxy-port', { type: 'number', describe: 'instead of [proxy] http_port' })
          .example('cd ~/orca && orca server', 'serve the repository in ~/orca')
          .example('orca server --dir ~/orca --proxy-port 8080', 'without the right to port 80'),
      run(server, (a) => ({ apiPort: number(a, 'api-port'), proxyPort: number(a, 'proxy-port') })),
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
      run(deploy, (a) => ({
        services: texts(a, 'services'),
        dryRun: a['dry-run'] === true,
        allowMassRemoval: a['allow-mass-removal'] === true,
      })),
    )
    .command(
      'plan [services..]',
      'show what a deploy would do, and why',
      (y) =>
        y
          .positional('services', { type: 'string', array: true })
          .example('orca plan', 'like a deploy, without doing it'),
      run(deploy, (a) => ({ services: texts(a, 'services'), dryRun: true, allowMassRemoval: false })),
    )
    .command(
      'status',
      'show every service and why it is not as it should be',
      (y) =>
        y
          .option('json', { type: 'boolean', default: false, describe: 'for programs' })
          .option('project', { type: 'string', describe: 'only this project' })
          .example("orca status --json | jq -r '.services[].status'", ''),
      run(status, (a) => ({ json: a['json'] === true, project: text(a, 'project') })),
    )
    .command(
      'logs <service>',
      'show what a service printed',
      (y) =>
        y
          .positional('service', { type: 'string', demandOption: true })
          .option('tail', { type: 'number', default: 100, describe: 'lines from the end' })
          .option('follow', { alias: 'f', type: 'boolean', default: false, describe: 'go on until Ctrl-C' })
          .example('orca logs web -f', 'from the last 100 lines on'),
      run(logs, (a) => ({
        service: text(a, 'service') ?? '',
        tail: number(a, 'tail') ?? 100,
        follow: a['follow'] === true,
      })),
    )
    .command(
      'stop [services..]',
      'stop services and keep them stopped until a deploy names them; containers and data stay',
      (y) =>
        y
          .positional('services', { type: 'string', array: true, describe: 'all without a name' })
          .example('orca stop web', ''),
      run(stop, (a) => ({ services: texts(a, 'services') })),
    );

const secrets = (parser: Argv, run: Run): Argv =>
  parser.command('secrets', 'keep secrets, sealed, beside the files', (y) =>
    y
      .command(
        'set <name> [value]',
        'store a value; - or no value reads it from standard input',
        (s) =>
          s
            .positional('name', { type: 'string', demandOption: true })
            .positional('value', { type: 'string' })
            .example('pass show db | orca secrets set DB_PASSWORD -', 'never in the shell history')
            .example('orca secrets set DB_PASSWORD', 'asks, without showing it'),
        run(setSecret, (a) => ({ name: text(a, 'name') ?? '', value: text(a, 'value') || undefined })),
      )
      .command(
        'list',
        'names, revisions and times; never values',
        (s) => s.option('json', { type: 'boolean', default: false }),
        run(listSecrets, (a) => ({ json: a['json'] === true })),
      )
      .command(
        ['rm <name>', 'remove <name>'],
        'forget a value',
        (s) => s.positional('name', { type: 'string', demandOption: true }),
        run(removeSecret, (a) => ({ name: text(a, 'name') ?? '' })),
      )
      .demandCommand(1, 'which one? see: orca secrets --help'),
  );

const asParsed = (argv: unknown): Parsed =>
  typeof argv === 'object' && argv !== null ? Object.fromEntries(Object.entries(argv)) : {};
const text = (argv: Parsed, name: string): string | undefined => {
  const value = argv[name];
  return value === undefined ? undefined : String(value);
};
const texts = (argv: Parsed, name: string): readonly string[] => {
  const value = argv[name];
  return Array.isArray(value) ? value.map(String) : [];
};
const number = (argv: Parsed, name: string): number | undefined => {
  const value = argv[name];
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
};

/** Known failures are their message; anything else is a fault of orca and shows where. */
const report = (error: unknown, { stderr, signal }: Context): number => {
  if (signal.aborted) return 130;
  const isKnown =
    typeof error === 'object' && error !== null && 'code' in error && String(error.code).startsWith('ORCA_');
  const message = Error.isError(error) ? (isKnown ? error.message : (error.stack ?? error.message)) : String(error);
  stderr.write(`orca: ${message}\n`);
  if (Error.isError(error) && 'issues' in error && Array.isArray(error.issues)) {
    for (const issue of error.issues) stderr.write(`  ${JSON.stringify(issue)}\n`);
  }
  return error instanceof CliError ? error.exitCode : 1;
};
