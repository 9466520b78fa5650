import { spawn } from 'node:child_process';
import { open, readFile, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { installPackages } from './apt.ts';
import { mustRun } from './command.ts';
import { TestbedError } from './errors.ts';
import type { Log } from './log.ts';
import { silent } from './log.ts';
import { endProcess, identify } from './processes.ts';
import { freePort, tempDir, waitFor } from './temp.ts';

export interface PebbleOptions {
  readonly log?: Log;
  /** Where names are asked for http-01 and tls-alpn-01; every name is 127.0.0.1. */
  readonly httpPort: number;
  readonly tlsPort: number;
  /** How long a certificate lives. Default: 5 years. */
  readonly validitySeconds?: number;
  /** Accounts are for its customers only: key identifiers with their HMAC keys. */
  readonly externalAccounts?: Readonly<Record<string, string>>;
  /** Names for which it refuses every order. */
  readonly blocked?: readonly string[];
  /** Percentage of good nonces that it refuses. Default 30. */
  readonly nonceReject?: number;
  /** Further roots, and so further chains for each certificate. Default 0. */
  readonly alternateRoots?: number;
}

/** Debian's ACME authority for tests, on the loopback address, with a DNS server of its own. */
export interface Pebble extends AsyncDisposable {
  readonly directory: string;
  readonly port: number;
  /** PEM of the certificate that its own HTTPS is trusted by. */
  readonly ca: string;
  /** The key of that certificate, for what is put before it. */
  readonly key: string;
  /** Such as `127.0.0.1:8053`. */
  readonly dns: string;
  /** Address of the DNS server's management: POST /set-txt, /clear-txt, /add-a, /clear-a, /set-servfail. */
  readonly dnsManagement: string;
  /** PEM of a root above the certificates it issues; the first one is the usual one. */
  root(index?: number): Promise<string>;
  /** Changes what the DNS server answers. */
  dnsCommand(path: string, body: object): Promise<void>;
  /** All that it has logged. */
  said(): Promise<string>;
  /** Ends the authority; it forgets everything. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

export async function pebble(options: PebbleOptions): Promise<Pebble> {
  const { log = silent, nonceReject = 30, alternateRoots = 0 } = options;
  await installPackages(['pebble', 'openssl'], log);
  const dir = await tempDir('orca-pebble-');
  const [port, management, dnsPort, dnsManagementPort] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ];
  const ca = await makeCertificate(dir.path);
  const configPath = join(dir.path, 'pebble.json');
  await writeFile(configPath, JSON.stringify(configOf(options, dir.path, port, management)));
  const dns = `127.0.0.1:${dnsPort}`;
  const none = ['-http01', '', '-https01', '', '-tlsalpn01', ''];
  const own = ['-management', `127.0.0.1:${dnsManagementPort}`, '-dns01', dns, ...none];
  const endDns = await startProgram('pebble-challtestsrv', [...own, '-defaultIPv4', '127.0.0.1', '-defaultIPv6', ''], {
    logPath: join(dir.path, 'dns.log'),
    isReady: () => answers(`http://127.0.0.1:${dnsManagementPort}/`),
  });
  const logPath = join(dir.path, 'pebble.log');
  let end = async (): Promise<void> => {};
  const start = async (): Promise<void> => {
    end = await startProgram('pebble', ['-config', configPath, '-dnsserver', dns], {
      logPath,
      env: {
        PEBBLE_VA_NOSLEEP: '1',
        PEBBLE_WFE_NONCEREJECT: String(nonceReject),
        PEBBLE_ALTERNATE_ROOTS: String(alternateRoots),
      },
      isReady: () => answers(`https://127.0.0.1:${port}/dir`, ca),
    });
  };
  await start();
  const dnsManagement = `http://127.0.0.1:${dnsManagementPort}`;
  return {
    directory: `https://127.0.0.1:${port}/dir`,
    port,
    ca,
    key: await readFile(join(dir.path, 'key.pem'), 'utf8'),
    dns,
    dnsManagement,
    root: (index = 0) => ask(`https://127.0.0.1:${management}/roots/${index}`, { ca }),
    dnsCommand: async (path, body) => {
      await ask(`${dnsManagement}${path}`, { body: JSON.stringify(body) });
    },
    said: () => readFile(logPath, 'utf8'),
    start,
    stop: () => end(),
    async [Symbol.asyncDispose]() {
      await end();
      await endDns();
      await dir.remove();
    },
  };
}

function configOf(o: PebbleOptions, dir: string, port: number, management: number): object {
  const { externalAccounts } = o;
  return {
    pebble: {
      listenAddress: `127.0.0.1:${port}`,
      managementListenAddress: `127.0.0.1:${management}`,
      certificate: join(dir, 'cert.pem'),
      privateKey: join(dir, 'key.pem'),
      httpPort: o.httpPort,
      tlsPort: o.tlsPort,
      ocspResponderURL: '',
      externalAccountBindingRequired: externalAccounts !== undefined,
      externalAccountMACKeys: externalAccounts ?? {},
      domainBlocklist: o.blocked ?? [],
      ...(o.validitySeconds === undefined ? {} : { certificateValidityPeriod: o.validitySeconds }),
    },
  };
}

async function makeCertificate(dir: string): Promise<string> {
  const names = ['-subj', '/CN=pebble of a test', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'];
  const files = ['-keyout', join(dir, 'key.pem'), '-out', join(dir, 'cert.pem')];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  await mustRun('openssl', ['req', '-x509', ...key, ...names, ...files]);
  return readFile(join(dir, 'cert.pem'), 'utf8');
}

interface ProgramOptions {
  readonly logPath: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly isReady: () => Promise<boolean>;
}

/** Starts the program, waits until it answers, and returns how to end it. */
async function startProgram(
  program: string,
  args: readonly string[],
  { logPath, env, isReady }: ProgramOptions,
): Promise<() => Promise<void>> {
  const log = await open(logPath, 'a');
  const child = spawn(program, args, { stdio: ['ignore', log.fd, log.fd], env: { ...process.env, ...env } });
  await log.close();
  const known = child.pid === undefined ? undefined : await identify(child.pid);
  const end = async (): Promise<void> => {
    if (known !== undefined) await endProcess(known, 30_000);
  };
  try {
    await waitFor(isReady, { what: `${program} to answer`, timeoutMs: 240_000, everyMs: 50 });
  } catch (error) {
    await end();
    throw new TestbedError('ORCA_TESTBED_COMMAND_FAILED', await readFile(logPath, 'utf8').catch(() => ''), error);
  }
  return end;
}

/** Any answer will do. */
async function answers(url: string, ca?: string): Promise<boolean> {
  try {
    await ask(url, ca === undefined ? {} : { ca });
    return true;
  } catch {
    return false;
  }
}

function ask(url: string, o: { readonly ca?: string; readonly body?: string }): Promise<string> {
  const method = o.body === undefined ? 'GET' : 'POST';
  const send = url.startsWith('https:') ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const settings = { method, agent: false, timeout: 60_000, ...(o.ca === undefined ? {} : { ca: o.ca }) };
    const req = send(url, settings, (res) => {
      let text = '';
      res.setEncoding('utf8').on('data', (piece: string) => (text += piece));
      res.on('end', () => resolve(text));
      res.on('error', reject);
    });
    req.on('timeout', () => req.destroy(new Error('no answer')));
    req.on('error', reject);
    req.end(o.body);
  });
}
