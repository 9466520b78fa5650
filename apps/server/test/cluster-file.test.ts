import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { readClusterFile } from '../src/cluster-file.ts';

it('gives what is doubtful about cluster.toml with what it says', async () => {
  const root = mkdtempSync(join(tmpdir(), 'orca-root-'));
  try {
    writeFileSync(join(root, 'cluster.toml'), '[cluster]\napi_port = 7000\napi_bind = []\n');
    const read = await readClusterFile(root, async () => new Map());
    expect(read.cluster.apiPort).toBe(7000);
    expect(read.warnings).toMatchObject([{ severity: 'warning', line: 3, path: 'cluster.api_bind' }]);
  } finally {
    rmSync(root, { recursive: true });
  }
});
