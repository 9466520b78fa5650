import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';

/** What ordinary requests took, in milliseconds, while nothing else went on and while somebody was slow on purpose. */
export interface Figures {
  readonly quiet: readonly number[];
  readonly attacked: readonly number[];
  /** Slow connections that were open when the last request was measured. */
  readonly slow: number;
}

export interface Attack {
  /** Slow connections that are open now. */
  readonly count: () => number;
  stop(): Promise<void>;
}

export interface Rig {
  readonly port: number;
  readonly httpsPort: number;
  close(): Promise<void>;
}

export const createRig = async (): Promise<Rig> => {
  const origin = createServer((req, res) => req.resume().on('end', () => res.end('ok'))).listen(0, '127.0.0.1');
  await once(origin, 'listening');
  const child = fork(join(import.meta.dirname, 'proxy-main.ts'), [String(portOf(origin))], {
    execArgv: ['--conditions=@orca/source'],
  });
  const [ports] = await once(child, 'message');
  return {
    ...ports,
    close: async () => {
      child.disconnect();
      if (child.exitCode === null) await once(child, 'exit');
      origin.close();
      origin.closeAllConnections();
    },
  };
};

/** Ordinary requests, one behind the other on a connection of its own each, before and during an attack. */
export const measure = async ({ port }: Rig, attack: () => Promise<Attack>, times: number): Promise<Figures> => {
  const series = async (): Promise<readonly number[]> => {
    const took: number[] = [];
    for (let i = 0; i < times; i += 1) {
      took.push(await ordinary(port));
      await sleep(20);
    }
    return took;
  };
  const quiet = await series();
  const attacking = await attack();
  try {
    const attacked = await series();
    return { quiet, attacked, slow: attacking.count() };
  } finally {
    await attacking.stop();
  }
};

/** The tool of that name, in one of its modes: `-H` for heads and `-B` for bodies that never end. */
export const slowHttpTest = async (port: number, mode: '-H' | '-B', connections: number): Promise<Attack> => {
  const child = spawn(
    'slowhttptest',
    [mode, '-c', `${connections}`, '-r', `${connections}`, '-i', '1', '-l', '60', '-s', '8192', '-x', '10', '-p', '3']
      .concat(mode === '-B' ? ['-t', 'POST'] : [])
      .concat(['-u', `http://127.0.0.1:${port}/`]),
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  await sleep(2_000);
  return { count: () => openAt(port), stop: () => ended(child) };
};

/** Established connections to a port of this machine, as the kernel has them; the tool's own figures come too late. */
const openAt = (port: number): number => {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const rows = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((row) => row.trim().split(/\s+/));
  return rows.filter(([, here, , state]) => here?.endsWith(local) && state === '01').length;
};

/** Sockets that are each slow in another way, and stay alive by a few bytes now and then where that helps. */
export const slowSockets = async ({ port, httpsPort }: Rig, connections: number): Promise<Attack> => {
  const sockets: Socket[] = [];
  const drips: (() => void)[] = [];
  const dial = async (to: number, drip = ''): Promise<Socket> => {
    const socket = connect(to, '127.0.0.1');
    sockets.push(socket.on('error', () => {}));
    await once(socket, 'connect');
    if (drip !== '') drips.push(() => socket.writable && socket.write(drip));
    return socket;
  };
  const head = 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n';
  const begin: readonly (() => Promise<unknown>)[] = [
    () => dial(port),
    async () => (await dial(port, 'A: b\r\n')).write(head),
    async () => (await dial(port, 'x')).write(`${head}\r\nx`),
    async () => (await dial(httpsPort, 'x')).write('\x16\x03\x01\x20\x00\x01\x00\x1f\xf0'),
    async () => {
      const socket = connectTls({ port: httpsPort, rejectUnauthorized: false, ALPNProtocols: ['h2'] });
      sockets.push(socket.on('error', () => {}));
      await once(socket, 'secureConnect');
      socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0');
    },
    async () => (await dial(port)).pause().write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(50)),
  ];
  for (let i = 0; i < connections; i += 1) await begin[i % begin.length]?.();
  const dripping = setInterval(() => {
    for (const drip of drips) drip();
  }, 500);
  return {
    count: () => sockets.filter(({ destroyed }) => !destroyed).length,
    stop: async () => {
      clearInterval(dripping);
      for (const socket of sockets) socket.destroy();
    },
  };
};

export const quantile = (values: readonly number[], q: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(q * values.length))] ?? NaN;

const ordinary = async (port: number): Promise<number> => {
  const begun = performance.now();
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const req = request({ port, host: '127.0.0.1', headers: { host: 'localhost' }, agent: false }, (res) => {
    res.resume().on('end', () => {
      if (res.statusCode === 200) resolve(performance.now() - begun);
      else reject(new Error(`status ${res.statusCode}`));
    });
  });
  req.on('error', reject).end();
  return promise;
};

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

const ended = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill();
  await once(child, 'exit');
};
