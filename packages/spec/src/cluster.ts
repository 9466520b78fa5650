import { posix } from 'node:path';
import { acme, DEFAULT_ACME, email as emailAddress, httpUrl } from './acme.ts';
import { ipAddress } from './addresses.ts';
import { proxySection } from './cluster-proxy.ts';
import { createPlace, type Fault, issuesOf, type Place, sortIssues } from './faults.ts';
import { LATER_CLUSTER_KEYS } from './later-cluster-keys.ts';
import type { BackupTarget, ClusterSpec, Issue, Parsed, SecretUse, SpecFile } from './model.ts';
import { domain, projectName } from './names.ts';
import { flag, integer, list, oneOf, parsedText, port, quote, Refusal, template, text, word } from './read.ts';
import { fillSecrets, type SecretValues, startsWith } from './secret-fill.ts';
import { judged, usesIn } from './secret-places.ts';
import { missingSecretIssues } from './secret-uses.ts';
import { later, NOT_YET, optional, type Read, readTable, required, rows, section, withDefault } from './table.ts';
import { isTable, readToml, type TomlTable } from './toml.ts';

/** Without a file every default applies: a cluster of one machine. */
export function parseClusterSpec(file: SpecFile | undefined, secrets: SecretValues = new Map()): ClusterParsed {
  const { cluster, issues: found, uses, needed } = readCluster(file, secrets);
  const missing = missingSecretIssues(
    uses.filter(({ isFilled }) => isFilled),
    new Set(needed),
    file === undefined ? [] : [file],
  );
  const issues = sortIssues([...found, ...missing]);
  if (issues.some(({ severity }) => severity === 'error')) return { ok: false, issues, needed };
  return { ok: true, value: cluster, warnings: issues };
}

export type ClusterParsed =
  | Extract<Parsed<ClusterSpec>, { readonly ok: true }>
  | (Extract<Parsed<ClusterSpec>, { readonly ok: false }> & {
      /** Secrets whose values are needed to read it, and were not given. */
      readonly needed: readonly string[];
    });

export interface ClusterReading {
  /** The best that could be read, so that the services can be checked too. */
  readonly cluster: ClusterSpec;
  readonly issues: readonly Issue[];
  readonly uses: readonly SecretUse[];
  readonly needed: readonly string[];
}

export function readCluster(file: SpecFile | undefined, secrets: SecretValues = new Map()): ClusterReading {
  const toml = readToml(file?.text ?? '');
  if (file === undefined || toml.ok) {
    const filling = fillSecrets(toml.ok ? toml.value : {}, secrets);
    const faults: Fault[] = [...filling.faults];
    const cluster = toClusterSpec(filling.value, createPlace(faults));
    if (file === undefined) return { cluster, issues: [], uses: [], needed: [] };
    const issues = sortIssues(issuesOf(file, judged(faults, filling, secrets)));
    const unused = faults.filter(({ message }) => message.startsWith(NOT_YET)).map(({ path }) => path);
    const uses = usesIn(file, filling, []).map((use) => ({
      ...use,
      isUnused: unused.some((path) => startsWith(use.path, path)),
    }));
    return { cluster, issues, uses, needed: needed(uses, filling.needed) };
  }
  const { line, col, message } = toml;
  const issue: Issue = { severity: 'error', file: file.path, line, col, path: '', message };
  const cluster = toClusterSpec({}, createPlace([]));
  // What it allows is unknown, so no service is blamed for what it may well allow.
  return { cluster: { ...cluster, security: { allowMounts: ['/'] } }, issues: [issue], uses: [], needed: [] };
}

/** What nothing uses yet may stay unknown: its feature asks for it when there is one. */
const needed = (uses: readonly SecretUse[], names: readonly string[]): readonly string[] =>
  names.filter((name) => uses.some((use) => use.name === name && use.isFilled && !use.isUnused));

function toClusterSpec(value: TomlTable, at: Place): ClusterSpec {
  const { cluster, acme: certificates, proxy, backup, security } = readTable(ROOT, value, at);
  checkSpellings(value, at);
  checkPorts({ 'cluster.api_port': cluster.api_port, 'proxy.http_port': proxy.httpPort }, proxy.httpsPort, at);
  return {
    name: cluster.name,
    domain: cluster.domain,
    logLevel: cluster.log_level,
    apiPort: cluster.api_port,
    apiBind: cluster.api_bind,
    acme: { ...certificates, email: certificates.email ?? cluster.acme_email },
    proxy,
    backup: {
      enabled: backup.enabled,
      schedule: backup.schedule,
      retentionDays: backup.retention_days,
      targets: backup.targets,
    },
    security: { allowMounts: security.allow_mounts },
  };
}

/** Two spellings of one setting are both accepted, but not with two different contents. */
function checkSpellings(value: TomlTable, at: Place): void {
  const nested = tableAt(value, 'cluster');
  const email = tableAt(value, 'acme')['email'];
  if (email !== undefined && nested['acme_email'] !== undefined && email !== nested['acme_email']) {
    at.at('acme', 'email').error('differs from [cluster] acme_email: keep one of the two');
  }
  if (nested['network'] !== undefined && value['network'] !== undefined) {
    at.at('network').error('stands next to [cluster.network]: keep one of the two');
  }
}

function checkPorts(others: Readonly<Record<string, number>>, httpsPort: number | undefined, at: Place): void {
  const taken = new Map(httpsPort === undefined ? [] : [[httpsPort, 'proxy.https_port']]);
  for (const [name, number] of Object.entries(others)) {
    const owner = taken.get(number);
    if (owner !== undefined) at.at(...name.split('.')).error(`port ${number} is also ${owner}`);
    taken.set(number, name);
  }
}

/** The one that the server listens on. */
const API_ADDRESS = '127.0.0.1';

const apiAddress: Read<string> = (value, at) => {
  const address = ipAddress(value, at);
  if (address !== undefined && address !== API_ADDRESS)
    at.warn(`not supported yet: an API on ${address}; it listens on ${API_ADDRESS} only`);
  return address;
};

/** Never none: whoever names no address gets an API all the same, and should know where. */
const apiBind: Read<readonly string[]> = (value, at) => {
  const addresses = list(apiAddress)(value, at);
  if (!Array.isArray(value) || value.length > 0) return addresses;
  at.warn(`names no address; the API listens on ${API_ADDRESS} all the same`);
  return [API_ADDRESS];
};

const hostPath = parsedText((written) => {
  const path = posix.resolve('/', written);
  if (written.startsWith('/') && !written.split('/').includes('..')) return path;
  return new Refusal(`${quote(written)} is not an absolute path without ".."`);
});

/** Six fields, the first one seconds; the parser of the scheduler has the last word on their content. */
const schedule = parsedText((written) => {
  const fields = written.trim().split(/\s+/).length;
  if (fields === 6) return written.trim();
  const hint = fields === 5 ? `; with seconds in front: "0 ${written.trim()}"` : '';
  return new Refusal(
    `${quote(written)} has ${fields} fields, a schedule has six: sec min hour day month weekday${hint}`,
  );
});

/** Goes into the arguments of other programs, so it may not look like one of their options. */
const plainWord = word(/^[^-\s]\S*$/, 'one word that does not start with "-"');

const LOCAL_TARGET = {
  title: '[[backup.targets]] of type "local"',
  keys: { type: required(text), path: required(hostPath) },
};

const S3_TARGET = {
  title: '[[backup.targets]] of type "s3"',
  keys: {
    type: required(text),
    endpoint: required(httpUrl),
    bucket: required(plainWord),
    region: required(plainWord),
    prefix: optional(plainWord),
    access_key: optional(template),
    secret_key: optional(template),
  },
};

const backupTarget: Read<BackupTarget> = (value, at) => {
  if (!isTable(value)) return at.error('must be a table: write [[backup.targets]]');
  const type = oneOf('local', 's3')(value['type'] ?? '', at.at('type'));
  if (type === undefined) return undefined;
  if (type === 'local') {
    const { path } = readTable(LOCAL_TARGET, value, at);
    return path === undefined ? undefined : { type, path };
  }
  const { endpoint, bucket, region, prefix, access_key, secret_key } = readTable(S3_TARGET, value, at);
  if (endpoint === undefined || bucket === undefined || region === undefined) return undefined;
  return { type, endpoint, bucket, region, prefix, accessKey: access_key, secretKey: secret_key };
};

const CLUSTER = rows({
  title: '[cluster]',
  keys: {
    name: withDefault(projectName, 'orca'),
    domain: optional(domain),
    log_level: withDefault(oneOf('trace', 'debug', 'info', 'warn', 'error'), 'info'),
    api_port: withDefault(port, 6880),
    api_bind: withDefault(apiBind, [API_ADDRESS]),
    acme_email: optional(emailAddress),
  },
  later: LATER_CLUSTER_KEYS.cluster,
});

const BACKUP = rows({
  title: '[backup]',
  keys: {
    enabled: withDefault(flag, false),
    schedule: optional(schedule),
    retention_days: withDefault(integer(1, 36_500), 30),
    targets: withDefault(list(backupTarget), []),
  },
  later: LATER_CLUSTER_KEYS.backup,
});

const SECURITY = rows({ title: '[security]', keys: { allow_mounts: withDefault(list(hostPath), []) } });

const ROOT = rows({
  title: 'cluster.toml',
  keys: {
    cluster: section(CLUSTER),
    acme: withDefault(acme, DEFAULT_ACME),
    proxy: proxySection,
    backup: later('[backup]; no backups are made yet', section(BACKUP)),
    security: section(SECURITY),
  },
  later: LATER_CLUSTER_KEYS.root,
});

function tableAt(value: TomlTable, name: string): TomlTable {
  const nested = value[name];
  return nested !== undefined && isTable(nested) ? nested : {};
}
