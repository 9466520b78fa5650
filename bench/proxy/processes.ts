// `node bench/proxy/processes.ts [connections] [workers]`: what the proxy's processes cost while nothing happens, how
// much memory a worker takes with so many open connections, how they are shared out, and the CPU of a request on a
// connection of its own, for which every handle of the port is looked at (decision 055).
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { attachProxy } from '@orca/proxy/process';
import { tempDir } from '@orca/tooling-testbed';

const [connections = 1_000, workers = 2] = process.argv.slice(2).map(Number);
const idleMs = 20_000;
const routes = 50;

const cpuMs = (pid: number): number => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
};
const residentMiB = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;

/** Microseconds of a request that is alone on its connection, the only one at its time: three times, after some that warm up. */
const ownConnection = async (workerPids: readonly number[]): Promise<readonly string[]> => {
  const ask = async (): Promise<void> => {
    const socket = connect(proxy.address.port, '127.0.0.1').resume();
    socket.end('GET / HTTP/1.1\r\nHost: app-0.test\r\nConnection: close\r\n\r\n');
    await once(socket, 'close');
  };
  const used = (): number => workerPids.reduce((sum, pid) => sum + cpuMs(pid), 0);
  const figures: string[] = [];
  for (const count of [2_000, 5_000, 5_000, 5_000]) {
    const from = used();
    for (let nth = 0; nth < count; nth += 1) await ask();
    figures.push((((used() - from) / count) * 1000).toFixed(0));
  }
  return figures.slice(1);
};

await using dir = await tempDir('orca-processes-');
const origin = createServer((_, res) => res.end('x'.repeat(1024))).listen(0, '127.0.0.1');
await once(origin, 'listening');
const { port: originPort } = origin.address() as AddressInfo;
const proxy = await attachProxy({
  dir: dir.path,
  config: { http: { host: '127.0.0.1', port: 0 }, workers },
  log: { info: () => undefined, error: (message, details) => console.error(message, details) },
});
const sockets: Socket[] = [];
try {
  const target = { id: 'a', host: '127.0.0.1', port: originPort };
  const hosts = Array.from({ length: routes }, (_, i) => `app-${i}.test`);
  const table = { routes: hosts.map((host) => ({ host, pathPrefix: '/', stripPrefix: false, targets: [target] })) };
  await proxy.replace({ table });
  const pids = [proxy.pid, ...(await proxy.status()).workers.map(({ pid }) => pid)];
  await sleep(3_000);
  const before = pids.map(cpuMs);
  await sleep(idleMs);
  const idle = pids.map((pid, i) => (((cpuMs(pid) - (before[i] ?? 0)) / idleMs) * 100).toFixed(2));
  console.log(
    `idle for ${idleMs / 1000} s, ${routes} routes: supervisor ${idle[0]} %, workers ${idle.slice(1).join(', ')} % of a core`,
  );
  console.log(`resident: ${pids.map((pid) => residentMiB(pid).toFixed(0)).join(', ')} MiB`);
  for (let i = 0; i < connections; i += 1) {
    const socket = connect(proxy.address.port, '127.0.0.1');
    sockets.push(socket);
    await once(socket, 'connect');
    socket.write(`GET / HTTP/1.1\r\nHost: app-${i % routes}.test\r\n\r\n`);
    await once(socket, 'data');
  }
  const shares = await proxy.metrics();
  console.log(`${shares.connections.open} of ${connections} connections open on ${workers} workers`);
  console.log(`resident with them: ${pids.map((pid) => residentMiB(pid).toFixed(0)).join(', ')} MiB`);
  console.log(
    `a request on a connection of its own: ${(await ownConnection(pids.slice(1))).join(', ')} µs of the workers' CPU`,
  );
} finally {
  for (const socket of sockets) socket.destroy();
  await proxy.stop(0);
  origin.close();
  origin.closeAllConnections();
}
