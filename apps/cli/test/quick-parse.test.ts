import { describe, expect, it } from '@jest/globals';
import { actions } from '../src/actions.ts';
import { quickParse } from '../src/quick-parse.ts';

describe('quickParse', () => {
  it('reads plain arguments of the commands of every minute', () => {
    expect(quickParse(['deploy', 'web', 'db', '--dry-run', '--api=http://x'])).toEqual({
      action: actions.deploy,
      argv: { services: ['web', 'db'], 'dry-run': true, api: 'http://x' },
    });
    expect(quickParse(['status', '--json'])?.argv).toMatchObject({ json: true });
  });

  it.each([
    [[]],
    [['--help']],
    [['status', '--help']],
    [['status', 'extra']],
    [['deploy', '--dryrun']],
    [['logs', 'web']],
    [['constructor']],
    [['status', '--dir']],
  ])('leaves %j to the full parser', (args) => {
    expect(quickParse(args)).toBeUndefined();
  });
});
