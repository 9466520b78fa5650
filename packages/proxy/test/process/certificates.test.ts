import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:https';
import { connect as tlsConnect } from 'node:tls';
import { expect, test } from '@jest/globals';
import { certificate } from '../front/tls-harness.ts';
import { anyPort, aPlace, eventually, helloState } from './a-place.ts';
import { load } from './load.ts';

const shown = async (port: number): Promise<string> => {
  const socket = tlsConnect({ port, host: '127.0.0.1', servername: 'app.test', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { raw } = socket.getPeerCertificate();
  socket.destroy();
  return new X509Certificate(raw).serialNumber;
};

test('P62: certificates are swapped in every worker under load, and no request fails', async () => {
  const place = aPlace();
  const proxy = await place.attach({ config: { http: anyPort, https: anyPort, workers: 2 } });
  const { table } = await helloState();
  const pairs = Array.from({ length: 3 }, () => certificate('app.test'));
  await proxy.replace({ table, certificates: pairs.slice(0, 1) });
  const port = proxy.httpsAddress?.port ?? 0;
  const client = load(port, request);
  for (const pair of pairs) {
    await proxy.replace({ table, certificates: [pair] });
    const { serialNumber } = new X509Certificate(pair.certPem);
    // Whichever worker answers.
    const seen = await Promise.all(Array.from({ length: 8 }, () => shown(port)));
    expect(new Set(seen)).toEqual(new Set([serialNumber]));
    await client.more(10);
  }
  const { failures } = await client.stop();
  expect(failures).toEqual([]);
  // One that cannot be served is told, by its names, and what they had before stays.
  const mixed = { ...certificate('app.test'), keyPem: certificate('app.test').keyPem };
  const refused = await proxy.replace({ table, certificates: [mixed] });
  expect(refused).toMatchObject([{ names: ['app.test'] }]);
  const [worker] = (await proxy.status()).workers;
  process.kill(worker?.pid ?? 0, 'SIGKILL');
  await eventually(async () => {
    const { workers } = await proxy.status();
    return workers.length === 2 && workers.every(({ pid, isServing }) => isServing && pid !== worker?.pid);
  });
  const seen = await Promise.all(Array.from({ length: 8 }, () => shown(port)));
  expect(new Set(seen)).toEqual(new Set([new X509Certificate(pairs.at(-1)?.certPem ?? '').serialNumber]));
});
