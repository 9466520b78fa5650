import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const main = resolve(import.meta.dirname, '../src/main.ts');

/** The command as its user runs it, from the sources, where there is neither a repository nor a server. */
const orca = (...args: readonly string[]): { code: number | null; err: string } => {
  const { status, stderr } = spawnSync(
    process.execPath,
    ['--conditions=@orca/source', '--disable-warning=ExperimentalWarning', main, ...args],
    { cwd: tmpdir(), encoding: 'utf8', env: { PATH: process.env['PATH'], HOME: tmpdir(), NO_COLOR: '1' } },
  );
  return { code: status, err: stderr };
};

describe('a command that is misused ends with 2 and says once where to look', () => {
  it.each([
    [[], 'orca: which command? see: orca --help\n'],
    [['secrets'], 'orca: which one? see: orca secrets --help\n'],
    [['redeploy'], 'orca: a name is missing: got 0, at least 1 is needed\nsee: orca --help\n'],
    [['depoly'], 'orca: Did you mean deploy?\nsee: orca --help\n'],
    [['status', '--jsn'], 'orca: Unknown argument: jsn\nsee: orca --help\n'],
    [['logs', 'web', '--tail', 'all'], 'orca: --tail needs a number\n'],
    [['server', '--api-port', 'http'], 'orca: --api-port needs a number\n'],
  ])('%j', (args, err) => {
    expect(orca(...args)).toEqual({ code: 2, err });
  });
});
