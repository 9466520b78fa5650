import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { freePort, pebble, tempDir, waitFor } from '@orca/tooling-testbed';

const host = 'example.acme.test';
const program = fileURLToPath(new URL('../examples/plain-http.ts', import.meta.url));

describe('the example', () => {
  test('gets a certificate behind a plain node:http server, in under 40 lines', async () => {
    expect((await readFile(program, 'utf8')).split('\n').length).toBeLessThan(40);
    const [port, tlsPort] = [await freePort(), await freePort()];
    await using dir = await tempDir();
    await using authority = await pebble({ httpPort: port, tlsPort });
    const args = ['--disable-warning=ExperimentalWarning', '--conditions=@orca/source', program];
    const child = spawn(process.execPath, args, {
      env: {
        ...process.env,
        HOST: host,
        DIR: dir.path,
        HTTP_PORT: String(port),
        HTTPS_PORT: String(tlsPort),
        DIRECTORY: authority.directory,
        CA: authority.ca,
      },
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece: Buffer) => (said += piece.toString()));
    try {
      const isIssued = (): boolean => said.includes('issued by Pebble Intermediate CA');
      await waitFor(isIssued, { what: 'a certificate', timeoutMs: 240_000 }).catch(() => undefined);
      expect(said).toContain('issued by Pebble Intermediate CA');
      const socket = connect({ port: tlsPort, host: '127.0.0.1', servername: host, ca: await authority.root() });
      await once(socket, 'secureConnect');
      socket.destroy();
    } finally {
      child.kill('SIGKILL');
    }
  });
});
