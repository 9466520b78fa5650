import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import { actions, type Action, type Parsed } from './actions.ts';

const globals: ParseArgsOptionsConfig = { api: { type: 'string' }, dir: { type: 'string' } };

/** The commands of every minute, and their options as `parser.ts` declares them. */
const quick: Readonly<
  Record<string, { readonly action: Action; readonly options: ParseArgsOptionsConfig; readonly takesServices: boolean }>
> = {
  status: {
    action: actions.status,
    options: { json: { type: 'boolean' }, project: { type: 'string' } },
    takesServices: false,
  },
  deploy: {
    action: actions.deploy,
    options: { 'dry-run': { type: 'boolean' }, 'allow-mass-removal': { type: 'boolean' } },
    takesServices: true,
  },
  plan: { action: actions.plan, options: { 'allow-mass-removal': { type: 'boolean' } }, takesServices: true },
  stop: { action: actions.stop, options: {}, takesServices: true },
};

/**
 * Reads plain, correct arguments of a few commands with what Node has built in: loading
 * yargs costs as much again as starting Node. Anything else (help, a typo, another
 * command) is `undefined`, and yargs says what there is to say.
 */
export const quickParse = (args: readonly string[]): { readonly action: Action; readonly argv: Parsed } | undefined => {
  const [name = '', ...rest] = args;
  const command = Object.hasOwn(quick, name) ? quick[name] : undefined;
  if (command === undefined) return undefined;
  try {
    const { values, positionals } = parseArgs({
      args: rest,
      options: { ...globals, ...command.options },
      allowPositionals: command.takesServices,
      strict: true,
    });
    return { action: command.action, argv: { ...values, services: positionals } };
  } catch {
    // Not plain, or not correct: the full parser has the words for it.
    return undefined;
  }
};
