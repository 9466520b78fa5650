import { fork } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from '@jest/globals';
import { aSecureProxy, secureOptions } from './front/tls-harness.ts';
import { closing, route, target } from './harness.ts';

interface Answer {
  readonly status: number;
  readonly location: string;
  readonly cookies: readonly string[];
  readonly body: string;
}

/** As strict as a browser: each Set-Cookie is one cookie, kept only if it may be, and sent where its path says. */
class Browser {
  readonly #port: number;
  readonly #jar = new Map<string, { readonly value: string; readonly path: string }>();

  constructor(port: number) {
    this.#port = port;
  }

  async ask(method: string, path: string, form?: Readonly<Record<string, string>>, more = {}): Promise<Answer> {
    const body = form === undefined ? undefined : new URLSearchParams(form).toString();
    const cookie = [...this.#jar].filter(([, c]) => path.startsWith(c.path)).map(([name, c]) => `${name}=${c.value}`);
    const headers = {
      host: 'app.test',
      ...(cookie.length === 0 ? {} : { cookie: cookie.join('; ') }),
      ...(body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
      ...more,
    };
    const req = request({ ...secureOptions(this.#port), method, path, headers }).end(body);
    const [res] = await once(req, 'response');
    const cookies: readonly string[] = res.headers['set-cookie'] ?? [];
    for (const one of cookies) this.#keep(one);
    return { status: res.statusCode, location: res.headers.location ?? '', cookies, body: await text(res) };
  }

  #keep(cookie: string): void {
    const [pair = '', ...attributes] = cookie.split('; ');
    const lower = attributes.map((attribute) => attribute.toLowerCase());
    expect(lower).toEqual(expect.arrayContaining(['secure', 'httponly']));
    const at = pair.indexOf('=');
    const path = attributes.find((attribute) => attribute.toLowerCase().startsWith('path='))?.slice(5) ?? '/';
    const isGone = lower.some(
      (attribute) => attribute.startsWith('expires=') && Date.parse(attribute.slice(8)) < Date.now(),
    );
    if (isGone) this.#jar.delete(pair.slice(0, at));
    else this.#jar.set(pair.slice(0, at), { value: pair.slice(at + 1), path });
  }
}

const aLoginServer = async (): Promise<number> => {
  const child = fork(join(import.meta.dirname, 'fixtures/oidc-provider.mjs'), {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  closing(() => void child.kill());
  const [message] = await once(child, 'message');
  return Number(message.port);
};

const pathOf = (location: string): string => {
  const url = new URL(location, 'https://app.test');
  expect(url.host).toBe('app.test');
  return url.pathname + url.search;
};

test('P23 P25 P28 a login by OpenID Connect works through the proxy, with a client that follows no redirect by itself', async () => {
  const proxy = await aSecureProxy([route([target(await aLoginServer())])]);
  const browser = new Browser(proxy.httpsPort);
  const verifier = randomBytes(32).toString('base64url');
  const asked = new URLSearchParams({
    client_id: 'client',
    redirect_uri: 'https://client.test/callback',
    response_type: 'code',
    scope: 'openid',
    state: 'a state',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });
  const begun = await browser.ask('GET', `/auth?${asked.toString()}`);
  expect([begun.status, begun.cookies.length]).toEqual([303, 4]);
  const login = pathOf(begun.location);
  expect((await browser.ask('GET', login)).body).toContain(`action="https://app.test${login}"`);
  const loggedIn = await browser.ask('POST', login, { prompt: 'login', login: 'somebody', password: 'anything' });
  expect(loggedIn.status).toBe(303);
  const resumed = await browser.ask('GET', pathOf(loggedIn.location));
  const consent = pathOf(resumed.location);
  const agreed = await browser.ask('POST', consent, { prompt: 'consent' });
  const done = await browser.ask('GET', pathOf(agreed.location));
  // Elsewhere: what the proxy must never fetch itself.
  const back = new URL(done.location);
  expect([back.host, back.searchParams.get('state')]).toEqual(['client.test', 'a state']);
  const authorization = `Basic ${Buffer.from('client:client-secret').toString('base64')}`;
  const exchange = {
    grant_type: 'authorization_code',
    code: back.searchParams.get('code') ?? '',
    redirect_uri: 'https://client.test/callback',
    code_verifier: verifier,
  };
  const token = await browser.ask('POST', '/token', exchange, { authorization });
  expect(token.status).toBe(200);
  const { access_token: accessToken } = JSON.parse(token.body);
  const me = await browser.ask('GET', '/me', undefined, { authorization: `Bearer ${accessToken}` });
  expect(JSON.parse(me.body)).toEqual({ sub: 'somebody' });
});
