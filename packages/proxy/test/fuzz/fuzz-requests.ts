import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { createProxy, type Proxy } from '@orca/proxy';
import { requests } from './corpus.ts';
import type { Finding, Findings } from './findings.ts';
import type { FuzzOptions } from './fuzz-responses.ts';
import { Llhttp, verdictOf, type Message } from './llhttp.ts';
import { mutate } from './mutate.ts';
import { randomOf } from './random.ts';

const lanes = 8;
/** Requests may reach the origin a little after their case is over. */
const remembered = 16;
const patienceMs = 60_000;

/** Mutated requests to a whole proxy; its origin reads with llhttp, and so does the judge. */
export const fuzzRequests = async ({ seed, count, from = 0 }: FuzzOptions): Promise<Findings> => {
  const tally = { agreed: 0, refused: 0, stricter: 0 };
  const disagreements: Finding[] = [];
  const crashes: Finding[] = [];
  let next = from;
  const run = async (): Promise<void> => {
    const lane = await openLane();
    for (let index = next; index < from + count; index = next) {
      next += 1;
      const bytes = mutate(requests, randomOf(seed, index)).replaceAll('@', String(index));
      const result = await lane.judge(bytes);
      if (result.why === undefined) tally[result.as] += 1;
      else (result.isCrash ? crashes : disagreements).push({ index, bytes, why: result.why });
    }
    await lane.close();
  };
  const onCrash = (error: unknown): void =>
    void crashes.push({ index: next, bytes: '', why: `uncaught: ${String(error)}` });
  process.on('uncaughtException', onCrash).on('unhandledRejection', onCrash);
  try {
    await Promise.all(Array.from({ length: lanes }, run));
  } finally {
    process.off('uncaughtException', onCrash).off('unhandledRejection', onCrash);
  }
  return { cases: count, ...tally, disagreements, crashes };
};

interface Judgement {
  readonly as: 'agreed' | 'refused' | 'stricter';
  readonly why?: string;
  readonly isCrash?: boolean;
}

interface Lane {
  judge(bytes: string): Promise<Judgement>;
  close(): Promise<void>;
}

/** A proxy with an origin of its own, so that what arrives there can only come from the present case. */
const openLane = async (): Promise<Lane> => {
  const origin = await openOrigin();
  const proxy = createProxy({ port: 0, bind: '127.0.0.1', timeouts: { halfCloseMs: 1_000, lingerMs: 1_000 } });
  const targets = [{ id: 'a', host: '127.0.0.1', port: origin.port }];
  proxy.replace({ routes: [{ host: 'app.test', pathPrefix: '/', stripPrefix: false, targets }] });
  await proxy.listen();
  const recent: (readonly Message[])[] = [];
  const arrived = new WeakSet<Message>();
  return {
    judge: async (bytes) => {
      const expected = verdictOf('REQUEST', bytes, () => false);
      recent.unshift(expected.messages);
      recent.length = Math.min(recent.length, remembered);
      const answered = await converse(proxy, bytes);
      if (!answered) return { as: 'refused', why: 'the proxy neither answered nor closed', isCrash: true };
      return judge(origin.take(), recent, arrived);
    },
    close: async () => {
      await proxy.close(0);
      origin.server.close();
    },
  };
};

/** `recent` are the requests of the present case, and those of the cases before it. */
const judge = (
  { messages, fault: refused }: Arrived,
  recent: readonly (readonly Message[])[],
  arrived: WeakSet<Message>,
): Judgement => {
  if (refused !== undefined) return { as: 'refused', why: `the origin's llhttp refuses it: ${refused}` };
  const [expected = []] = recent;
  let hasTaken = false;
  for (const message of messages) {
    const alike = recent.flat().filter((sent) => isSame(sent, message));
    if (!message.isComplete) {
      if (alike.length === 0) return { as: 'refused', why: `arrived: ${shown(message)}` };
      continue;
    }
    // Pipelined requests go over connections of their own, in any order; none of them may arrive twice.
    const found = alike.find((sent) => !arrived.has(sent) && sent.isComplete && sent.body === message.body);
    if (found === undefined)
      return { as: 'refused', why: `arrived, but llhttp read no such request: ${shown(message)}` };
    arrived.add(found);
    hasTaken ||= expected.includes(found);
    const fault = faultOfFraming(message);
    if (fault !== undefined) return { as: 'refused', why: `${fault}: ${shown(message)}` };
  }
  if (hasTaken) return { as: 'agreed' };
  return { as: expected.some(({ isComplete }) => isComplete) ? 'stricter' : 'refused' };
};

const isSame = (sent: Message, arrived: Message): boolean =>
  sent.method === arrived.method && (sent.url === arrived.url || originForm(sent.url) === arrived.url);

const originForm = (url: string): string => {
  const path = /^http:\/\/[^/?]*(.*)$/is.exec(url)?.[1] ?? url;
  return path.startsWith('/') ? path : `/${path}`;
};

const shown = ({ method, url, fields, body }: Message): string => JSON.stringify({ method, url, fields, body });

/** P5 and P11: one framing at most, one Host, and none that Connection speaks of twice. */
const faultOfFraming = ({ fields, body }: Message): string | undefined => {
  const named = (name: string): number =>
    fields.filter((field, i) => i % 2 === 0 && field.toLowerCase() === name).length;
  const framings = named('content-length') + named('transfer-encoding');
  if (framings > 1 || (body !== '' && framings !== 1)) return 'framed twice or not at all';
  return named('host') > 1 ? 'several Hosts' : undefined;
};

/** Sends the bytes, ends, and waits for the proxy to have said all. False if it never does. */
const converse = async ({ address }: Proxy, bytes: string): Promise<boolean> => {
  const socket = connect({ port: address.port, host: address.host, allowHalfOpen: true });
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const late = setTimeout(() => resolve(false), patienceMs);
  socket.on('error', () => {});
  socket.on('close', () => resolve(true));
  socket.resume().end(bytes, 'latin1');
  const ended = await promise;
  clearTimeout(late);
  socket.destroy();
  return ended;
};

interface Arrived {
  readonly messages: readonly Message[];
  readonly fault: string | undefined;
}

interface Origin {
  readonly port: number;
  readonly server: Server;
  /** What has arrived since this was last asked. */
  take(): Arrived;
}

/** Reads with llhttp, and answers every complete request. */
const openOrigin = async (): Promise<Origin> => {
  let messages: Message[] = [];
  let fault: string | undefined;
  const server = createServer((socket) => {
    const reader = new Llhttp('REQUEST', 1024 * 1024, () => false);
    let seen = 0;
    let answered = 0;
    socket.on('error', () => {});
    socket.on('close', () => reader.free());
    socket.on('data', (bytes) => {
      reader.read(bytes);
      fault ??= reader.fault;
      messages.push(...reader.messages.slice(seen));
      seen = reader.messages.length;
      for (const { method, isComplete } of reader.messages.slice(answered)) {
        if (!isComplete) break;
        answered += 1;
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n${method === 'HEAD' ? '' : 'ok'}`);
      }
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    server,
    take: () => {
      const taken = { messages, fault };
      messages = [];
      fault = undefined;
      return taken;
    },
  };
};
