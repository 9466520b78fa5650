import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { createHttpsTransport, dns01Hook, http01, selfCheck, tlsAlpn01, type Challenge } from '../src/index.ts';
import { parseAuthorization } from '../src/order.ts';

const challenge = (token: string): Challenge => ({
  type: 'http-01',
  name: 'a.test',
  token,
  keyAuthorization: `${token}.thumb`,
});
const signal = AbortSignal.timeout(600_000);
const prefix = '/.well-known/acme-challenge/';

describe('A6: http-01', () => {
  test('answers the exact token, for any host, until its own authorization ends', async () => {
    const { solver, answer } = http01();
    await solver.present(challenge('abc'), signal);
    await solver.present(challenge('def'), signal);
    expect(answer(`${prefix}abc`)).toBe('abc.thumb');
    await solver.cleanUp(challenge('abc'));
    expect([`${prefix}abc`, `${prefix}def`].map(answer)).toEqual([undefined, 'def.thumb']);
  });

  test.each([`${prefix}abc/`, `${prefix}abc?x`, `${prefix}../abc`, prefix, '/abc', `${prefix}constructor`])(
    'nothing for %s',
    async (path) => {
      const { solver, answer } = http01();
      await solver.present(challenge('abc'), signal);
      expect(answer(path)).toBeUndefined();
    },
  );

  test.each(['../../etc/passwd', 'a b', 'a/b', '', 'a\r\nb'])('a token of %p is never used', (token) => {
    const one = { type: 'http-01', url: 'https://ca.test/c', status: 'pending', token };
    const authorization = { status: 'pending', identifier: { type: 'dns', value: 'a.test' }, challenges: [one] };
    expect(parseAuthorization(authorization).challenges).toEqual([]);
  });

  test('A8: the authority is told only once whoever answers has the token', async () => {
    const order: string[] = [];
    const { solver } = http01({
      publish: async (answers) => {
        await new Promise((resolve) => setImmediate(resolve));
        order.push(Object.keys(answers).join());
      },
    });
    await solver.present(challenge('abc'), signal);
    order.push('presented');
    await solver.cleanUp(challenge('abc'));
    await solver.cleanUp(challenge('abc'));
    expect(order).toEqual(['abc', 'presented', '']);
  });
});

describe('A8: answers that another process gives', () => {
  /** Whoever answers: takes what it is told, unless it is away. */
  class Front {
    isAway = false;
    held: string[] | undefined;
    told: readonly string[] = [];
    asked = 0;
    readonly waiting: (() => void)[] = [];
    readonly publish = async (answers: Readonly<Record<string, string>>): Promise<void> => {
      this.asked += 1;
      if (this.held !== undefined) await new Promise<void>((resolve) => this.waiting.push(resolve));
      if (this.isAway) throw new Error('the proxy is away');
      this.told = Object.keys(answers).toSorted();
    };
  }

  test('one that could not be published is not live, and is published when it is tried again', async () => {
    const front = new Front();
    const { solver, answers } = http01({ publish: front.publish });
    front.isAway = true;
    await expect(solver.present(challenge('abc'), signal)).rejects.toThrow('away');
    expect(answers()).toEqual({});
    front.isAway = false;
    await solver.present(challenge('abc'), signal);
    expect([front.told, answers()]).toEqual([['abc'], { abc: 'abc.thumb' }]);
  });

  test('one that ends while nobody can be told is not live any more, and goes with the next change', async () => {
    const front = new Front();
    const { solver, answers } = http01({ publish: front.publish });
    await solver.present(challenge('abc'), signal);
    front.isAway = true;
    await solver.cleanUp(challenge('abc'));
    expect(answers()).toEqual({});
    front.isAway = false;
    await solver.present(challenge('def'), signal);
    expect(front.told).toEqual(['def']);
  });

  test('many at once share what is published, and none takes another’s away', async () => {
    const front = new Front();
    const { solver, answers } = http01({ publish: front.publish });
    front.held = [];
    const first = solver.present(challenge('a'), signal);
    await new Promise((resolve) => setImmediate(resolve));
    expect([front.asked, answers()]).toEqual([1, {}]);
    const others = ['b', 'c', 'd'].map((token) => solver.present(challenge(token), signal));
    front.held = undefined;
    for (const resolve of front.waiting) resolve();
    await Promise.all([first, ...others]);
    expect([front.told, front.asked]).toEqual([['a', 'b', 'c', 'd'], 2]);
  });

  test('the same for tls-alpn-01', async () => {
    let isAway = true;
    const { solver, certificates } = tlsAlpn01({
      now: Date.now,
      publish: () => (isAway ? Promise.reject(new Error('away')) : undefined),
    });
    await expect(solver.present(challenge('abc'), signal)).rejects.toThrow('away');
    expect(certificates()).toEqual([]);
    isAway = false;
    await solver.present(challenge('abc'), signal);
    expect(certificates()).toHaveLength(1);
    isAway = true;
    await solver.cleanUp(challenge('abc'));
    expect(certificates()).toEqual([]);
  });
});

describe('A7: tls-alpn-01', () => {
  test('has a certificate for as long as its challenge lives', async () => {
    const { solver, certificates } = tlsAlpn01({ now: Date.now });
    await solver.present(challenge('abc'), signal);
    const [first] = certificates();
    await solver.present(challenge('abc'), signal);
    expect(certificates()).toEqual([first]);
    await solver.cleanUp(challenge('of an earlier order'));
    expect(certificates()).toEqual([first]);
    await solver.cleanUp(challenge('abc'));
    expect(certificates()).toEqual([]);
  });
});

describe('A7: a DNS hook', () => {
  const failing = (script: string, ...args: readonly string[]): Promise<string> =>
    dns01Hook({
      command: [process.execPath, '-e', script, ...args],
      env: () => Promise.resolve({ TOKEN: 'hunter2-hunter2', SHORT: 'ab', KEY: 'first  line\nsecond+line\n' }),
    })
      .present(challenge('abc'), signal)
      .then(
        () => 'nothing went wrong',
        (error: unknown) => String(error),
      );

  test('that tells what it was given is not quoted with it: what failed is kept on disk', async () => {
    const said = await failing(
      'console.error(`ab: no zone for ${process.env.TOKEN}`); process.exit(3)',
      '--',
      'argument-that-is-secret',
    );
    expect(said).toContain('ended with 3: ab: no zone for [hidden]');
    expect(said).not.toMatch(/hunter2|argument-that/);
  });

  test.each([
    ['in the middle of which its last words begin', "'x'.repeat(400) + process.env.TOKEN + 'x'.repeat(1995)"],
    ['of several lines', 'process.env.KEY'],
    ['of several lines, one by one', "process.env.KEY.split('\\n').map((one) => '> ' + one).join('\\n')"],
    ['within JSON', 'JSON.stringify(process.env)'],
    ['within an address', "'https://dns.test/?key=' + encodeURIComponent(process.env.KEY)"],
  ])('that tells a credential %s is not quoted with it either', async (_, words) => {
    const said = await failing(`process.stderr.write(${words}, () => process.exit(3))`);
    expect(said).toContain('[hidden]');
    expect(said).not.toMatch(/unter2|first|second/);
  });

  test('that writes to a terminal does not reach ours', async () => {
    const said = await failing("process.stderr.write('\\x1b]0;owned\\x07 bad\\r\\nline'); process.exit(1)");
    expect(said).toMatch(/ended with 1: .*owned bad line/);
    expect(said).not.toMatch(/\p{Cc}/u);
  });
});

describe('A10: preflight', () => {
  const web = async (listener: RequestListener): Promise<AsyncDisposable & { readonly port: number }> => {
    const server = createServer(listener);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    return { port, [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())) };
  };
  const check = (port: number, answers = http01(), addresses = ['127.0.0.1']): Promise<string | undefined> =>
    selfCheck({ resolve: () => Promise.resolve(addresses), transport: createHttpsTransport(), http01: answers, port })(
      'a.test',
      signal,
    );

  test('a name that leads here passes, and leaves nothing', async () => {
    const answers = http01();
    const hosts: (string | undefined)[] = [];
    await using here = await web((req, res) => {
      hosts.push(req.headers.host);
      res.end(answers.answer(req.url ?? ''));
    });
    expect(await check(here.port, answers)).toBeUndefined();
    expect(hosts).toEqual(['a.test']);
    expect(answers.answers()).toEqual({});
  });

  test.each([
    [404, 'not found'],
    [200, '<html>parked</html>'],
    [500, 'oops'],
  ])('somebody else answers with %d: the authority is not asked', async (status, body) => {
    await using elsewhere = await web((_req, res) => void res.writeHead(status).end(body));
    await expect(check(elsewhere.port)).rejects.toMatchObject({
      code: 'ORCA_ACME_PREFLIGHT',
      message: expect.stringContaining('a.test does not lead to this machine'),
    });
  });

  test('a name without an address says what to add', async () => {
    await expect(check(80, http01(), [])).rejects.toThrow('add an A or AAAA record');
  });

  test('no connection is a doubt, not a verdict: routers need not lead a machine to itself', async () => {
    const gone = await web(() => {});
    await gone[Symbol.asyncDispose]();
    expect(await check(gone.port)).toContain('could not be reached from here');
  });

  test('a front that redirects is for the authority to follow', async () => {
    await using front = await web((_req, res) => void res.writeHead(301, { location: 'https://a.test/' }).end());
    expect(await check(front.port)).toBeUndefined();
  });
});
