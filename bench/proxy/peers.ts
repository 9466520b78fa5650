import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePort, waitFor } from '@orca/tooling-testbed';

/** A proxy under measurement: one worker or thread, in front of the same origin. */
export interface Peer {
  readonly name: string;
  /** Of it and its children the CPU counts. */
  readonly pid: number;
  /** Of which the memory counts. */
  readonly worker: number;
  readonly port: number;
  readonly httpsPort: number;
  stop(): Promise<void>;
}

export interface Place {
  readonly dir: string;
  readonly certPath: string;
  readonly keyPath: string;
  readonly originPort: number;
}

interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

type Recipe = (place: Place, port: number, httpsPort: number) => Command;

/** An nginx that answers by itself: whatever is behind a proxy should cost as little as it can. */
export const startOrigin = async (place: Place): Promise<{ stop(): void }> => {
  for (const kib of [1, 100]) writeFileSync(join(place.dir, `${kib}k`), 'x'.repeat(kib * 1024));
  const body = `server { listen 127.0.0.1:${place.originPort} backlog=4096; root ${place.dir}; open_file_cache max=10; }`;
  const child = launch(place, 'origin', nginx(place, 'origin', body));
  await listening(place.originPort, 'the origin');
  return { stop: () => void child.kill() };
};

export const startPeer = async (name: PeerName, place: Place): Promise<Peer> => {
  const [port, httpsPort] = [await freePort(), await freePort()];
  const child = launch(place, name, recipes[name](place, port, httpsPort));
  await listening(port, name);
  await listening(httpsPort, name);
  const { pid = 0 } = child;
  return { name, pid, worker: pid, port, httpsPort, stop: async () => void child.kill() };
};

export const launch = ({ dir }: Place, name: string, { file, args, env }: Command): ChildProcess => {
  const log = createWriteStream(join(dir, `${name}.log`));
  const child = spawn(file, args, { env: { ...process.env, HOME: dir, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.pipe(log);
  child.stderr.pipe(log);
  return child;
};

const listening = async (port: number, what: string): Promise<void> => {
  const isOpen = (): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connect({ port, host: '127.0.0.1' });
      socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
      socket.on('connect', () => socket.destroy());
    });
  await waitFor(isOpen, { what: `${what} to listen on ${port}`, timeoutMs: 15_000 });
};

const nginx = ({ dir }: Place, name: string, server: string): Command => {
  const config = join(dir, `${name}.conf`);
  writeFileSync(
    config,
    `daemon off; master_process off; worker_processes 1; pid ${dir}/${name}.pid; error_log stderr crit;
events { worker_connections 8192; }
http { access_log off; keepalive_requests 1000000000; keepalive_timeout 75s; server_tokens off;
client_body_temp_path ${dir}/${name}-body; proxy_temp_path ${dir}/${name}-proxy; fastcgi_temp_path ${dir}/${name}-f;
uwsgi_temp_path ${dir}/${name}-u; scgi_temp_path ${dir}/${name}-s;
${server} }\n`,
  );
  return { file: 'nginx', args: ['-e', 'stderr', '-c', config, '-p', dir] };
};

/** Each as its own manual would have it for a proxy: kept-alive origin connections, the usual forwarding fields, no log. */
const recipes = {
  nginx: (place, port, httpsPort) =>
    nginx(
      place,
      'nginx',
      `upstream origin { server 127.0.0.1:${place.originPort}; keepalive 1024; keepalive_requests 1000000000; }
server { listen 127.0.0.1:${port}; listen 127.0.0.1:${httpsPort} ssl http2;
ssl_certificate ${place.certPath}; ssl_certificate_key ${place.keyPath};
location / { proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme; } }`,
    ),
  haproxy: ({ dir, certPath, keyPath, originPort }, port, httpsPort) => {
    const config = join(dir, 'haproxy.cfg');
    writeFileSync(
      config,
      `global\n nbthread 1\n maxconn 8192\n ssl-default-bind-options ssl-min-ver TLSv1.2\n
defaults\n mode http\n timeout connect 5s\n timeout client 60s\n timeout server 60s\n option forwardfor\n
frontend in\n bind 127.0.0.1:${port}\n bind 127.0.0.1:${httpsPort} ssl crt ${join(dir, 'haproxy.pem')} alpn h2,http/1.1\n default_backend origin\n
backend origin\n http-reuse safe\n server one 127.0.0.1:${originPort}\n`,
    );
    writeFileSync(join(dir, 'haproxy.pem'), `${readFileSync(certPath, 'utf8')}${readFileSync(keyPath, 'utf8')}`);
    return { file: 'haproxy', args: ['-db', '-f', config] };
  },
  caddy: ({ dir, certPath, keyPath, originPort }, port, httpsPort) => {
    const config = join(dir, 'Caddyfile');
    const upstream = `reverse_proxy 127.0.0.1:${originPort} {\n transport http {\n keepalive_idle_conns_per_host 1024\n }\n }`;
    writeFileSync(
      config,
      `{\n admin off\n auto_https off\n skip_install_trust\n default_bind 127.0.0.1\n}\nhttp://app.test:${port} {\n ${upstream}\n}
https://app.test:${httpsPort}, https://localhost:${httpsPort} {\n tls ${certPath} ${keyPath}\n ${upstream}\n}\n`,
    );
    return { file: 'caddy', args: ['run', '--config', config, '--adapter', 'caddyfile'], env: { GOMAXPROCS: '1' } };
  },
} satisfies Record<string, Recipe>;

export type PeerName = keyof typeof recipes;

export const peerNames: readonly PeerName[] = ['nginx', 'haproxy', 'caddy'];
