import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';

const example = join(import.meta.dirname, '../examples/pages.ts');

describe('the example', () => {
  it('reconciles something that is not a container, through the same ports', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, ['--conditions', '@orca/source', example]);
    expect(stdout).toContain('converged: index~1~Hello~current~running\n');
    expect(stdout).toContain('converged: index~1~World~current~running\n');
  });
});
