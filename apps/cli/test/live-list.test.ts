import { PassThrough } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { paletteFor } from '../src/render/ansi.ts';
import { LiveList } from '../src/render/live-list.ts';

/** What a terminal of that many columns is shown of one step. */
const shown = (columns: number | undefined): string => {
  const pipe = new PassThrough({ encoding: 'utf8' });
  const stream = Object.assign(pipe, { columns, rows: columns }) as unknown as NodeJS.WriteStream;
  const list = new LiveList({ stream, palette: paletteFor({ isTTY: false }, {}), now: () => 0 });
  list.begin(['web']);
  list.step({
    type: 'step',
    step: { id: 'web/1 start', service: 'web', action: 'start', reason: 'not there yet' },
    state: 'started',
  });
  list.end();
  return String(pipe.read());
};

describe('the list of a deploy on a terminal', () => {
  it('cuts what would wrap', () => {
    expect(shown(20)).toContain('web');
    expect(shown(20)).not.toContain('not there yet');
  });

  it.each([0, undefined])('is shown in full where the width is not known (%s)', (columns) => {
    expect(shown(columns)).toContain('web  start  not there yet');
  });
});
