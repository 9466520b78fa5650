import { once } from 'node:events';
import { expect, test } from '@jest/globals';
import { dial, httpOrigin, portOf, rawOrigin, route, target } from '../harness.ts';
import { endHeaders, endStream, frame, framed, get, types } from './frames.ts';
import { ask, once2, session } from './http2-harness.ts';
import { aSecureProxy, certificate, dialSecure, refusal } from './tls-harness.ts';

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const request = 'GET / HTTP/1.1\r\nHost: app.test\r\n\r\n';

test('P53 says GOAWAY, names the last request that it serves, and ends the session behind it', async () => {
  const origin = await rawOrigin(() => {});
  const proxy = await aSecureProxy([route([target(origin.port)])]);
  const [client, idle] = [await framed(proxy.httpsPort), await framed(proxy.httpsPort)];
  client.send(frame(types.headers, endHeaders | endStream, 1, get));
  await origin.until('GET');
  const closed = proxy.close();
  expect(await idle.ended()).toBe(0);
  const goaway = await client.until(({ type }) => type === types.goaway);
  expect(goaway.payload.toString('hex')).toBe('0000000100000000');
  // What crosses it is above that number, so the client knows that it may ask elsewhere.
  client.send(frame(types.headers, endHeaders | endStream, 3, get));
  origin.sockets[0]?.write(ok);
  await client.until(({ type, stream, flags }) => type === types.data && stream === 1 && (flags & endStream) !== 0);
  expect(await client.ended()).toBe(0);
  await closed;
  expect(origin.received.join('').match(/GET/g)).toHaveLength(1);
});

test('P53 ends idle connections at once, and says close on those in use', async () => {
  const origin = await rawOrigin((socket, head) => void (head.includes('/slow') || socket.write(ok)));
  const proxy = await aSecureProxy([route([target(origin.port)])]);
  const [unused, idle, idleSecure, used] = [
    await dial(proxy.port),
    await dial(proxy.port),
    await dialSecure(proxy.httpsPort),
    await dialSecure(proxy.httpsPort),
  ];
  const idle2 = await session(proxy.httpsPort);
  await ask(idle2).answer;
  const handshaking = await dial(proxy.httpsPort);
  for (const one of [idle, idleSecure]) await one.send(request).until(/ok$/);
  used.send(request.replace('/', '/slow'));
  await origin.until('/slow');
  const closed = proxy.close();
  for (const one of [unused, idle, idleSecure, handshaking]) await one.ended();
  if (!idle2.destroyed) await once(idle2, 'close');
  await expect(dial(proxy.port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  expect(await refusal(proxy.httpsPort)).toBe('ECONNREFUSED');
  origin.sockets.at(-1)?.write(ok);
  expect(await used.ended()).toMatch(/^HTTP\/1\.1 200 [^]*connection: close\r\n[^]*ok$/i);
  await closed;
});

test('P53 cuts what does not end within the grace', async () => {
  const origin = await rawOrigin((socket) => void socket.write('HTTP/1.1 200 OK\r\n\r\nhalf'));
  const proxy = await aSecureProxy([route([target(origin.port)])]);
  const one = await dialSecure(proxy.httpsPort);
  await one.send(request).until('half');
  const two = ask(await session(proxy.httpsPort));
  await once(two.stream, 'response');
  await proxy.close(50);
  expect(await one.ended()).not.toMatch(/0\r\n\r\n$/);
  expect((await two.answer).resetCode).not.toBe(0);
});

test('P54 changes routes, certificates, limits and settings under connections that notice nothing', async () => {
  const origin = await httpOrigin((req, res) => res.end(req.url));
  const routes = [route([target(portOf(origin))])];
  const proxy = await aSecureProxy(routes);
  const addresses = [proxy.address, proxy.httpsAddress];
  const plain = await dial(proxy.port);
  const secure = await dialSecure(proxy.httpsPort);
  const http2 = await session(proxy.httpsPort);
  for (let round = 0; round < 5; round += 1) {
    for (const client of [plain, secure]) {
      await client.send(`GET /${round} HTTP/1.1\r\nHost: app.test\r\n\r\n`).until(new RegExp(`/${round}$`));
    }
    expect(await ask(http2, { ':path': `/${round}` }).answer).toMatchObject({ body: `/${round}` });
    proxy.replace({ routes: [...routes, route([], { host: `${round}.test` })] });
    proxy.setCertificates([certificate('app.test')]);
    proxy.setLimits({ connections: 100 + round });
    proxy.configure({ trustedProxies: [`10.0.0.${round}`] });
  }
  expect([proxy.address, proxy.httpsAddress]).toEqual(addresses);
  expect(await once2(proxy.httpsPort)).toMatchObject({ status: 200 });
});
