import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { parseDirectory } from '../src/directory.ts';
import { AcmeError } from '../src/errors.ts';
import { failureOf } from '../src/failure.ts';
import { foreignUrl } from '../src/foreign-text.ts';
import type { Transport, TransportRequest } from '../src/index.ts';
import { parseProblem } from '../src/problem.ts';
import { createSignedCalls, type SignedCalls } from '../src/signed-calls.ts';

const escape = '\u001b]0;owned\u0007\r\nFAKE LOG LINE';
const base = 'https://ca.test';
const directory = {
  newNonce: `${base}/nonce`,
  newAccount: `${base}/account`,
  newOrder: `${base}/order`,
  revokeCert: `${base}/revoke`,
};
const signal = AbortSignal.timeout(600_000);
const { privateKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' });

/** An authority that says these things, by path. */
const saying = (answers: Readonly<Record<string, string>>, asked: TransportRequest[] = []): Transport => {
  return async (request) => {
    asked.push(request);
    const body = answers[new URL(request.url).pathname] ?? '{}';
    const headers: Readonly<Record<string, string>> = { 'replay-nonce': 'abc', location: `${base}/account/1` };
    return { status: 200, body, header: (name) => headers[name] };
  };
};
const callsOn = (answers: Readonly<Record<string, string>>, asked?: TransportRequest[]): SignedCalls =>
  createSignedCalls({ directoryUrl: `${base}/dir`, transport: saying(answers, asked), now: Date.now });
const said = (status: number, type: string): AcmeError =>
  new AcmeError('ORCA_ACME_PROBLEM', 'it failed', { problem: parseProblem({ type, detail: type }, status) });
const messageOf = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'nothing went wrong',
    (error: unknown) => String(error),
  );

describe('what an authority says', () => {
  test('A16: reaches logs and terminals without control characters', async () => {
    const texts = [
      await messageOf(callsOn({ '/dir': escape }).directory(signal)),
      failureOf(said(400, escape)).detail,
      ...Object.keys(parseDirectory({ ...directory, meta: { profiles: { [escape]: '' } } }, base).profiles),
      parseDirectory({ ...directory, meta: { termsOfService: escape } }, base).termsOfService ?? '',
    ];
    for (const text of texts) {
      expect(text).toContain('FAKE LOG LINE');
      expect(text).not.toMatch(/\p{Cc}/u);
    }
  });

  test('A11: an address to read more at is one of the web, written as a parser writes it', () => {
    expect(['javascript:alert(1)', 'data:text/plain,x', 'no address', 7, undefined].map(foreignUrl)).toEqual(
      Array.from({ length: 5 }, () => undefined),
    );
    expect(foreignUrl('https://ca.test/why')).toBe('https://ca.test/why');
    expect(foreignUrl(`https://ca.test/why\n${escape}`)).toMatch(/^https:\/\/ca\.test\/why[\x21-\x7e]*$/);
  });

  test.each(['constructor', 'toString', '__proto__'])('A16: an error type of %s is judged by its status', (type) => {
    const kindAt = (status: number): string => failureOf(said(status, type)).kind;
    expect([kindAt(403), kindAt(500)]).toEqual(['refused', 'server']);
  });

  test('A2: an address without protection is not gone to from a directory that has it', async () => {
    const asked: TransportRequest[] = [];
    const calls = callsOn({ '/dir': JSON.stringify(directory) }, asked);
    await calls.directory(signal);
    for (const url of ['http://ca.test/order/1', 'ftp://ca.test/', 'order/1', `http://x/${escape}`]) {
      const text = await messageOf(calls.post(url, '', { key, accountUrl: `${base}/account/1` }, signal));
      expect(text).toContain('not https:');
      expect(text).not.toMatch(/\p{Cc}/u);
    }
    expect(asked.filter(({ url }) => !url.startsWith(base))).toEqual([]);
  });
});
