import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { known, noPositionals, numberOf, readCommandLine, type Reading } from '@orca/tooling-testbed';

const usage = 'pnpm measure [--rows NAME,NAME] [--seconds N]';
const read = (...args: readonly string[]): Reading<unknown> =>
  readCommandLine(args, {
    usage,
    options: { rows: { type: 'string', default: 'a,b' }, seconds: { type: 'string', default: '5' } },
    read: ({ values, positionals }) => {
      noPositionals(positionals);
      const rows = known('row', values.rows.split(','), ['a', 'b']);
      return { rows, seconds: numberOf('--seconds', values.seconds, 0.1, 'any') };
    },
  });

describe('the arguments of a command', () => {
  it('say what is asked for', () => {
    expect(read('--rows', 'b', '--seconds', '0.5')).toEqual({ ok: true, asked: { rows: ['b'], seconds: 0.5 } });
    expect(read()).toEqual({ ok: true, asked: { rows: ['a', 'b'], seconds: 5 } });
  });

  it('ask for help, which is no mistake', () => {
    expect(read('--rows', 'c', '--help')).toEqual({ ok: false, code: 0, text: usage });
  });

  it.each([
    [['--row', 'a'], "Unknown option '--row'"],
    [['--rows', 'a,c'], 'no such row: c (there are: a, b)'],
    [['--seconds', 'all'], '--seconds needs a number of at least 0.1, not "all"'],
    [['--seconds', ''], '--seconds needs a number of at least 0.1, not ""'],
    [['a'], 'unexpected argument: a'],
  ])('are wrong: %j', (args, mistake) => {
    expect(read(...args)).toEqual({ ok: false, code: 2, text: `${mistake}\n\n${usage}` });
  });

  it('a fault that is none of theirs stays one', () => {
    const fail = (): never => {
      throw new TypeError('broken');
    };
    expect(() => readCommandLine([], { usage, options: {}, read: fail })).toThrow('broken');
  });
});

describe('what package.json runs', () => {
  const root = join(import.meta.dirname, '../../..');
  const run = (file: string, ...args: readonly string[]) =>
    spawnSync(process.execPath, ['--conditions=@orca/source', '--disable-warning=ExperimentalWarning', file, ...args], {
      cwd: root,
      encoding: 'utf8',
      // One that takes no notice would do all that it is there for.
      timeout: 60_000,
    });

  it.each([
    ['bench/main.ts', 'pnpm bench'],
    ['bench/planner.ts', 'pnpm bench:planner'],
    ['bench/proxy/main.ts', 'pnpm bench:proxy'],
    ['test/faults/main.ts', 'pnpm faults'],
    ['packages/acme/test/proof/main.ts', 'pnpm proof:acme'],
    ['packages/proxy/test/proof/main.ts', 'pnpm proof:slow-clients'],
    ['packages/proxy/test/fuzz/main.ts', 'pnpm fuzz:proxy'],
  ])('%s has help, and ends with 2 when it is misused', (file, name) => {
    const help = run(file, '--help');
    expect({ ...help, stdout: help.stdout.slice(0, name.length) }).toMatchObject({
      status: 0,
      stdout: name,
      stderr: '',
    });
    const misused = run(file, '--no-such-option');
    expect(misused).toMatchObject({ status: 2, stdout: '' });
    expect(misused.stderr).toBe(`Unknown option '--no-such-option'\n\n${help.stdout}`);
  });

  it.each([
    ['bench/proxy/main.ts', ['--rows', 'htpt'], 'no such row: htpt (there are: http,'],
    ['bench/proxy/main.ts', ['--only', 'apache'], 'no such proxy: apache (there are: nginx, haproxy, caddy, orca)'],
    ['test/faults/main.ts', ['F999'], 'no such scenario: F999'],
    ['packages/acme/test/proof/main.ts', ['A999'], 'no promise has A999 in its name'],
    ['packages/proxy/test/fuzz/main.ts', ['--only', 'all'], 'no such half: all'],
    ['packages/proxy/test/fuzz/main.ts', ['--count', 'many'], '--count needs a whole number'],
  ])('%s %j is a mistake that is named', (file, args, mistake) => {
    const { status, stderr } = run(file, ...args);
    expect(stderr.slice(0, mistake.length)).toBe(mistake);
    expect(status).toBe(2);
  });
});
