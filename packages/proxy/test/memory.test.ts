import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { expect, test } from '@jest/globals';
import { closing, httpOrigin, portOf } from './harness.ts';

const mebibyte = Buffer.alloc(1024 ** 2, 'orca');

/** Sends so much to an echo and counts what comes back. */
const echoed = async (port: number, mebibytes: number): Promise<number> => {
  const upload = request({ port, host: '127.0.0.1', method: 'POST', headers: { host: 'app.test' } });
  const received = new Promise<number>((resolve, reject) => {
    let bytes = 0;
    upload.on('error', reject);
    upload.on('response', (res) => {
      res.on('data', (data: Buffer) => (bytes += data.length));
      res.on('end', () => resolve(bytes));
    });
  });
  await pipeline(Readable.from(Array.from({ length: mebibytes }, () => mebibyte)), upload);
  return received;
};

const told = async (child: ChildProcess, field: string): Promise<number> => {
  const [message]: unknown[] = await once(child, 'message');
  return typeof message === 'object' && message !== null
    ? Number(Object.entries(message).find(([k]) => k === field)?.[1])
    : NaN;
};

const peakOf = async (child: ChildProcess): Promise<number> => {
  child.send('peak');
  return told(child, 'peakMiB');
};

test('P35 streams another 256 MiB up and down in less than 60 MiB more', async () => {
  const origin = await httpOrigin((req, res) => void req.pipe(res));
  const child = fork(join(import.meta.dirname, 'fixtures/proxy-process.ts'), [String(portOf(origin))], {
    execArgv: ['--conditions=@orca/source'],
  });
  closing(() => void child.kill());
  const port = await told(child, 'port');
  // Warm first: what a heap keeps in hand after much traffic is not what grows with a body.
  await echoed(port, 192);
  const before = await peakOf(child);
  expect(await echoed(port, 256)).toBe(256 * mebibyte.length);
  expect((await peakOf(child)) - before).toBeLessThan(60);
});
