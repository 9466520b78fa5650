/**
 * `pnpm bench:proxy`: what a request costs each proxy, side by side, in one run on one machine.
 * CPU time of the proxy's process is what counts: it is disturbed least by what else runs.
 * `--help` names what makes it shorter.
 */
import { join } from 'node:path';
import {
  commandLine,
  freePort,
  installPackages,
  known,
  mustRun,
  noPositionals,
  numberOf,
  tempDir,
} from '@orca/tooling-testbed';
import { loadHttp1, loadHttp2, type Load } from './load.ts';
import { peerNames, startOrigin, startPeer, type Peer } from './peers.ts';
import { startOrca } from './orca.ts';
import { formatRow, type Measured } from './report.ts';
import { rows, type Row } from './rows.ts';
import { cpuSeconds, residentMiB } from './usage.ts';
import { measureWorkers } from './workers.ts';

const proxies = [...peerNames, 'orca'] as const;
const rowNames = [...rows.map(({ name }) => name), 'workers'];
const usage = [
  'pnpm bench:proxy [--only NAME,NAME] [--rows NAME,NAME] [--seconds N]',
  '',
  `  --only     of ${proxies.join(', ')}`,
  '  --rows     of these:',
  ...rows.map(({ name, what }) => `               ${name.padEnd(8)} ${what}`),
  `               ${'workers'.padEnd(8)} what a second worker of orca adds`,
  '  --seconds  how long each is measured (5)',
].join('\n');
const asked = commandLine({
  usage,
  options: {
    only: { type: 'string', default: proxies.join(',') },
    rows: { type: 'string', default: rowNames.join(',') },
    seconds: { type: 'string', default: '5' },
  },
  read: ({ values, positionals }) => {
    noPositionals(positionals);
    return {
      proxies: known('proxy', values.only.split(','), proxies),
      rows: known('row', values.rows.split(','), rowNames),
      seconds: numberOf('--seconds', values.seconds, 1, 'any'),
    };
  },
});
const { seconds } = asked;
/** Until it runs as it will for the rest of its life: a compiler that watches needs to have seen something. */
const warm = { requests: 60_000, rounds: 10 };
const log = (text: string): void => void process.stderr.write(`${text}\n`);

await installPackages(['nginx-light', 'haproxy', 'caddy', 'wrk', 'nghttp2-client', 'openssl'], log);
await using temp = await tempDir('orca-bench-proxy-');
const [certPath, keyPath] = [join(temp.path, 'cert.pem'), join(temp.path, 'key.pem')];
const subject = ['-subj', '/CN=app.test', '-addext', 'subjectAltName=DNS:app.test,DNS:localhost', '-days', '2'];
const key = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
await mustRun('openssl', ['req', ...key, '-keyout', keyPath, '-out', certPath, ...subject]);
await mustRun('pnpm', ['-s', '--filter', '@orca/proxy', 'build'], { cwd: join(import.meta.dirname, '../..') });
const place = { dir: temp.path, certPath, keyPath, originPort: await freePort() };

const load = (row: Row, peer: Peer, forSeconds: number): Promise<Load> => {
  // By a name, because without one in the handshake not every peer has a certificate to show.
  const url = row.secure
    ? `https://localhost:${peer.httpsPort}/${row.path}`
    : `http://127.0.0.1:${peer.port}/${row.path}`;
  const work = { url, seconds: forSeconds, connections: row.connections };
  return row.http2 ? loadHttp2(work) : loadHttp1(work);
};

const measure = async (row: Row, peer: Peer): Promise<Measured> => {
  for (let round = 0, seen = 0; round < warm.rounds && seen < warm.requests; round += 1) {
    seen += (await load(row, peer, 2)).requests;
  }
  const before = cpuSeconds(peer.pid);
  const loaded = load(row, peer, seconds);
  // While its connections are open.
  const resident = new Promise<number>((resolve) => setTimeout(() => resolve(residentMiB(peer.worker)), seconds * 900));
  const { requests, perSecond, p99Ms, errors } = await loaded;
  const used = cpuSeconds(peer.pid) - before;
  return {
    name: peer.name,
    microseconds: (used / requests) * 1e6,
    perSecond,
    p99Ms,
    errors,
    residentMiB: await resident,
  };
};

const origin = await startOrigin(place);
const peers: Peer[] = [];
try {
  for (const name of asked.proxies) {
    peers.push(await (name === 'orca' ? startOrca(place) : startPeer(name, place)));
  }
  for (const row of rows.filter(({ name }) => asked.rows.includes(name))) {
    const measured: Measured[] = [];
    for (const peer of peers) {
      log(`${row.name}: ${peer.name}`);
      measured.push(await measure(row, peer));
    }
    console.log(formatRow(row, measured));
  }
  if (asked.rows.includes('workers')) console.log(await measureWorkers(place, seconds));
} finally {
  for (const peer of peers) await peer.stop();
  origin.stop();
}
