import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';

const run = promisify(execFile);
const program = join(import.meta.dirname, 'fixtures/start-proxy-process.ts');

/**
 * As whoever may not take port 80, whoever runs the test: without the capability, which root has
 * otherwise, and in a network of its own, where the system's default (1024) is in force.
 */
const [command, ...before] =
  process.getuid?.() === 0
    ? ['unshare', '--net', 'setpriv', '--bounding-set=-net_bind_service']
    : ['setpriv', '--inh-caps=-all'];

test('where port 80 is not permitted, the message says which port, what it needs, and what else to change', async () => {
  const home = mkdtempSync(join(tmpdir(), 'orca-home-'));
  try {
    const args = [...before, process.execPath, '--conditions=@orca/source', program, home];
    const { stdout } = await run(command ?? '', args, { timeout: 60_000 });
    expect(stdout).toMatch(/^ServerError: the proxy cannot listen on \S+, port 80: .*root, CAP_NET_BIND_SERVICE/);
    expect(stdout).toMatch(/\(EACCES\); or change \[proxy\] http_port, https_port or bind in cluster\.toml\n$/);
    // And nothing is left running.
    expect(existsSync(join(home, 'proxy.pid'))).toBe(false);
  } finally {
    rmSync(home, { recursive: true });
  }
});
