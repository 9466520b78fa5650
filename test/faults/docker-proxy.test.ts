import { createServer, request, type IncomingMessage, type Server } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { tempDir, waitFor, type TempDir } from '@orca/tooling-testbed';
import { dockerProxy, type DockerProxy, type Fate } from './docker-proxy.ts';

const once = (fate: Fate) => ({ before: () => fate });

describe('the proxy between orca and its engine', () => {
  let dir: TempDir;
  let engine: Server;
  let proxy: DockerProxy;
  let heard: string[];
  /** The last event the engine wrote. */
  let told: number;

  beforeEach(async () => {
    dir = await tempDir('orca-proxy-');
    heard = [];
    told = 0;
    engine = createServer((req, res) => {
      heard.push(`${req.method} ${req.url}`);
      if (req.url === '/v1.41/events') {
        const timer = setInterval(() => res.write(`${(told += 1)}\n`), 10);
        res.on('close', () => clearInterval(timer));
        return;
      }
      res.writeHead(req.method === 'POST' ? 201 : 200, { 'content-type': 'application/json' });
      res.end('{"Id":"0123abcd"}\n');
    });
    await new Promise<void>((done) => engine.listen(join(dir.path, 'engine.sock'), done));
    proxy = await dockerProxy(join(dir.path, 'proxy.sock'), join(dir.path, 'engine.sock'));
  });
  afterEach(async () => {
    engine.closeAllConnections();
    await proxy[Symbol.asyncDispose]();
    await new Promise((done) => engine.close(done));
    await dir.remove();
  });

  const open = (method: string, path: string): Promise<IncomingMessage> =>
    new Promise((done, fail) => {
      const socketPath = join(dir.path, 'proxy.sock');
      request({ socketPath, method, path: `/v1.41${path}`, agent: false }, done)
        .on('error', fail)
        .end();
    });
  const ask = async (method: string, path: string): Promise<string> => {
    const res = await open(method, path);
    let body = '';
    for await (const chunk of res.setEncoding('utf8')) body += String(chunk);
    return `${res.statusCode} ${body.trim()}`;
  };

  it('passes everything on, and counts and names only what can change something', async () => {
    expect(await ask('GET', '/containers/json?all=1')).toBe('200 {"Id":"0123abcd"}');
    expect(await ask('POST', '/containers/create?name=orca-web.next')).toBe('201 {"Id":"0123abcd"}');
    await ask('POST', '/containers/0123abcd/start');
    await ask('POST', '/containers/0123abcd/wait');
    await ask('POST', '/containers/0123abcd/rename?name=orca-web');
    await ask('DELETE', '/containers/0123abcd');
    expect(heard).toHaveLength(6);
    expect(proxy.lists).toBe(1);
    expect(proxy.mutations).toEqual([
      'create orca-web.next',
      'start orca-web.next',
      'rename orca-web.next to orca-web',
      'remove orca-web',
    ]);
  });

  it('refuses, or breaks off, without telling the engine', async () => {
    proxy.reset(once({ kind: 'refuse' }));
    expect(await ask('POST', '/containers/0123abcd/start')).toMatch(/^500 /);
    proxy.reset(once({ kind: 'sever' }));
    await expect(ask('POST', '/containers/0123abcd/start')).rejects.toThrow('socket hang up');
    expect(heard).toEqual([]);
  });

  it('lets the engine do it and loses the reply, or half of it', async () => {
    proxy.reset(once({ kind: 'drop' }));
    await expect(ask('POST', '/containers/create?name=orca-web')).rejects.toThrow('socket hang up');
    proxy.reset(once({ kind: 'cut' }));
    await expect(ask('POST', '/containers/create?name=orca-web')).rejects.toThrow('aborted');
    expect(heard).toHaveLength(2);
  });

  it('calls back before the engine is asked and after it is through, each in time', async () => {
    const order: string[] = [];
    proxy.reset({
      before: ({ number, name }) => {
        order.push(`before ${number} ${name}, heard ${heard.length}`);
        return { kind: 'delay', ms: 20 };
      },
      after: ({ number }) => void order.push(`after ${number}, heard ${heard.length}`),
    });
    await ask('POST', '/networks/create');
    expect(order).toEqual(['before 1 create networks, heard 0', 'after 1, heard 1']);
  });

  it('doubles, silences and cuts event streams, open ones too', async () => {
    const stream = await open('GET', '/events');
    let said = '';
    stream.setEncoding('utf8').on('data', (text: string) => (said += text));
    const broken = new Promise((done) => stream.once('error', done));
    const until = (pattern: RegExp) => waitFor(() => pattern.test(said), { what: String(pattern), timeoutMs: 60_000 });
    await until(/^1\n2\n/);
    proxy.events('doubled');
    await until(/(\d+\n)\1/);
    proxy.events('silent');
    // What the proxy had passed on may still be under way; what the engine says from now on must not come.
    const last = told;
    await waitFor(() => told >= last + 10, { what: 'ten more events of the engine', timeoutMs: 60_000 });
    expect(Math.max(...said.trim().split('\n').map(Number))).toBeLessThanOrEqual(last);
    proxy.events('cut');
    await broken;
    await expect(ask('GET', '/events')).rejects.toThrow(/socket hang up|aborted/);
  });
});
