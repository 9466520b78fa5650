import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runCli } from '../src/cli.ts';

describe('orca certs renew and revoke', () => {
  const asked: string[] = [];
  /** Says yes to whatever it is asked. */
  let server: Server;
  let url: string;
  beforeAll(async () => {
    server = createServer((req, res) => {
      asked.push(`${req.method} ${req.url}`);
      res.writeHead(202, { 'content-type': 'application/json' }).end('{}');
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const address = server.address();
    url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  });
  afterAll(() => new Promise((done) => server.close(done)));

  const printed = async (...args: readonly string[]): Promise<string> => {
    let out = '';
    const stdout = { isTTY: false, write: (text: string) => (out += text) } as unknown as NodeJS.WriteStream;
    const { stdin, stderr } = process;
    const { signal } = new AbortController();
    const env = { ORCA_API: url, ORCA_TOKEN: 'x'.repeat(64) };
    expect(await runCli(args, { stdout, stderr, stdin, env, cwd: '/', version: '1', signal })).toBe(0);
    return out;
  };

  it.each([
    ['renew', 'renewing'],
    ['revoke', 'revoked'],
  ])('%s prints JSON for programs', async (verb, result) => {
    expect(JSON.parse(await printed('certs', verb, 'a.test', '--json'))).toEqual({ host: 'a.test', result });
    expect(asked.at(-1)).toBe(`POST /api/v1/certs/a.test/${verb}`);
  });

  it('and a sentence for people', async () => {
    expect(await printed('certs', 'renew', 'a.test')).toBe('a.test: a new certificate is being got; see: orca certs\n');
  });
});
