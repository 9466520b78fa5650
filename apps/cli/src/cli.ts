import type { Action } from './actions.ts';
import { CliError, type Context } from './context.ts';
import { quickParse } from './quick-parse.ts';

/** Parses the arguments and runs the command; gives the exit code: 0 done, 1 failed, 2 misused, 130 interrupted. */
export const runCli = async (args: readonly string[], context: Context): Promise<number> => {
  try {
    const quick = quickParse(args);
    return await (quick === undefined ? runParsed(args, context) : quick.action(context, quick.argv));
  } catch (error) {
    return report(error, context);
  }
};

const runParsed = async (args: readonly string[], context: Context): Promise<number> => {
  let exitCode = 0;
  const run =
    (action: Action) =>
    async (argv: unknown): Promise<void> => {
      const parsed = typeof argv === 'object' && argv !== null ? Object.fromEntries(Object.entries(argv)) : {};
      exitCode = await action(context, parsed);
    };
  const { buildParser } = await import('./parser.ts');
  await buildParser(args, context, run).parseAsync();
  return exitCode;
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
