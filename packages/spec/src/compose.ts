import { isIP } from 'node:net';
import { posix } from 'node:path';
import { composeSize, parseComposeSize } from './compose-units.ts';
import { compare, type Place } from './faults.ts';
import type { Device, Gpus, Logging, ServiceSpec, Tmpfs, Ulimit } from './model.ts';
import { absoluteMountFault } from './mount-policy.ts';
import { containerPath, type MountRules } from './mounts.ts';
import { nearest } from './nearest.ts';
import {
  flag,
  integer,
  kindOf,
  list,
  nonEmptyList,
  parsedText,
  quote,
  record,
  Refusal,
  template,
  text,
  word,
} from './read.ts';
import { type Key, optional, type Read, readTable, type Values } from './table.ts';
import { isTable } from './toml.ts';

/** Either a list of texts, or a single one. */
const oneOrMore =
  <T>(read: Read<T>): Read<readonly T[]> =>
  (value, at) => {
    if (Array.isArray(value)) return nonEmptyList(read)(value, at);
    const one = read(value, at);
    return one === undefined ? undefined : [one];
  };

const sorted = <T extends string>(read: Read<readonly T[]>): Read<readonly T[]> => {
  return (value, at) => {
    const items = read(value, at);
    return items === undefined ? undefined : [...new Set(items)].toSorted(compare);
  };
};

const CAPABILITIES = (
  'ALL AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND BPF CHECKPOINT_RESTORE CHOWN DAC_OVERRIDE DAC_READ_SEARCH ' +
  'FOWNER FSETID IPC_LOCK IPC_OWNER KILL LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE MKNOD NET_ADMIN ' +
  'NET_BIND_SERVICE NET_BROADCAST NET_RAW PERFMON SETFCAP SETGID SETPCAP SETUID SYSLOG SYS_ADMIN SYS_BOOT ' +
  'SYS_CHROOT SYS_MODULE SYS_NICE SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG WAKE_ALARM'
).split(' ');

const capability: Read<string> = parsedText((written) => {
  const name = written.toUpperCase().replace(/^CAP_/, '');
  if (CAPABILITIES.includes(name)) return name;
  const meant = nearest(name, CAPABILITIES);
  const hint = meant === undefined ? 'see capabilities(7)' : `did you mean "${meant}"?`;
  return new Refusal(`${quote(written)} is not a capability; ${hint}`);
});

const tmpfs: Read<Tmpfs> = (value, at) => {
  const written = text(value, at);
  if (written === undefined) return undefined;
  const [path = '', options = '', ...rest] = written.split(':');
  const target = containerPath(path, at);
  if (target === undefined) return undefined;
  const faults = options === '' ? [] : options.split(',').filter((option) => !isTmpfsOption(option));
  if (rest.length > 0 || faults.length > 0)
    return at.error(
      `${quote(written)}: write "/run" or "/run:size=64m,mode=1777"${faults.map((f) => `; ${quote(f)} is not known`).join('')}`,
    );
  return { target, options };
};

function isTmpfsOption(option: string): boolean {
  const [name = '', value, ...rest] = option.split('=');
  if (rest.length > 0) return false;
  if (value === undefined) return /^(?:ro|rw|no?exec|no?suid|no?dev|exec|suid|dev)$/.test(name);
  if (name === 'size') return /^\d{1,3}%$/.test(value) || parseComposeSize(value) !== undefined;
  return (name === 'mode' && /^[0-7]{3,4}$/.test(value)) || (/^[ug]id$/.test(name) && /^\d{1,10}$/.test(value));
}

const LIMIT_NAMES =
  'core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack'.split(' ');
/** -1 is "no limit", as for setrlimit(2). */
const limit = integer(-1, Number.MAX_SAFE_INTEGER);
const ulimit: Read<Ulimit> = (value, at) => {
  if (!isTable(value)) {
    const both = limit(value, at);
    return both === undefined ? undefined : { soft: both, hard: both };
  }
  const read = readTable(
    { title: '[service.ulimits]', keys: { soft: optional(limit), hard: optional(limit) } },
    value,
    at,
  );
  if (read.soft === undefined || read.hard === undefined) return at.error('needs both: { soft = 1024, hard = 2048 }');
  if (read.hard >= 0 && (read.soft > read.hard || read.soft < 0))
    return at.error('the soft limit is above the hard one');
  return { soft: read.soft, hard: read.hard };
};

const limitNameFault = (name: string): string | undefined =>
  LIMIT_NAMES.includes(name) ? undefined : `is not a limit; there are: ${LIMIT_NAMES.join(', ')}`;

const device: Read<Device> = parsedText((written) => {
  const [host = '', container = host, permissions = 'rwm', ...rest] = written.split(':');
  const isPath = (path: string): boolean => /^\/[^:]+$/.test(path) && !path.split('/').includes('..');
  if (isPath(host) && isPath(container) && /^r?w?m?$/.test(permissions) && permissions !== '' && rest.length === 0)
    return { host: posix.normalize(host), container, permissions };
  return new Refusal(`${quote(written)} is not a device: write "/dev/ttyUSB0" or "/dev/ttyUSB0:/dev/tty0:rw"`);
});

const gpus: Read<Gpus> = (value, at) => {
  if (value === 'all') return { count: 'all', ids: undefined };
  if (typeof value === 'number') {
    const count = integer(1, 64)(value, at);
    return count === undefined ? undefined : { count, ids: undefined };
  }
  if (Array.isArray(value)) {
    const ids = nonEmptyList(word(/^[A-Za-z0-9-]{1,64}$/, 'the id of a GPU such as "0" or "GPU-1a2b"'))(value, at);
    return ids === undefined ? undefined : { count: undefined, ids };
  }
  return at.error(
    `must be "all", a number, or a list of ids, not ${typeof value === 'string' ? quote(value) : kindOf(value)}`,
  );
};

const hostName: Read<string> = word(/^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$/, 'a host name');
const extraHost: Read<string> = parsedText((written) => {
  const [, name, address] = /^([A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?)[:=](.+)$/.exec(written) ?? [];
  const ip = address?.replace(/^\[(.*)\]$/, '$1') ?? '';
  if (name !== undefined && (ip === 'host-gateway' || isIP(ip) !== 0)) return `${name}:${ip}`;
  return new Refusal(`${quote(written)} is not an entry: write "name:10.0.0.1" or "name:host-gateway"`);
});

const ip: Read<string> = parsedText((written) =>
  isIP(written) === 0 ? new Refusal(`${quote(written)} is not an IP address`) : written,
);

/** Text, or a number or flag that people write without quotes. */
const plain: Read<string> = (value, at) =>
  typeof value === 'number' || typeof value === 'boolean' ? String(value) : value === '' ? '' : text(value, at);

/** The kernel has these for every container apart; any other would change the host. */
const sysctlFault = (name: string): string | undefined =>
  /^(?:net\.|fs\.mqueue\.|kernel\.(?:msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced)$)/.test(name)
    ? undefined
    : `is not a setting that a container can have for itself (net.*, fs.mqueue.*, kernel.shm*, kernel.msg*, kernel.sem)`;

const labelFault = (name: string): string | undefined => {
  if (name.startsWith('orca.')) return 'begins with "orca.", which orca keeps for itself';
  return /^[A-Za-z0-9][A-Za-z0-9._/-]{0,254}$/.test(name) ? undefined : 'is not the name of a label';
};

/** A table, or Compose's list of `name=value`. */
function pairs(nameFault: (name: string) => string | undefined): Read<Readonly<Record<string, string>>> {
  const pair: Read<readonly [string, string]> = parsedText((written) => {
    const at = written.indexOf('=');
    const name = at < 0 ? written : written.slice(0, at);
    const fault = nameFault(name);
    return fault === undefined ? [name, at < 0 ? '' : written.slice(at + 1)] : new Refusal(`${quote(name)} ${fault}`);
  });
  return (value, at) => {
    if (!Array.isArray(value)) return record(plain, nameFault)(value, at);
    const read = list(pair)(value, at);
    return read === undefined ? undefined : Object.fromEntries(read);
  };
}

const logging: Read<Logging> = (value, at) => {
  if (!isTable(value)) return at.error('must be a table: write [service.logging]');
  const read = readTable({ title: '[service.logging]', keys: LOGGING }, value, at);
  return read.driver === undefined && read.options === undefined
    ? undefined
    : { driver: read.driver ?? 'json-file', options: read.options ?? {} };
};
const LOGGING = {
  driver: optional(word(/^[a-z][a-z0-9-]{1,40}$/, 'a log driver such as "json-file", "local" or "none"')),
  options: optional(
    record(plain, (name) => (/^[a-z][a-z0-9_-]{0,63}$/.test(name) ? undefined : 'is not a log option')),
  ),
};

const privileged: Read<boolean> = (value, at) => {
  const read = flag(value, at);
  if (read === true) at.warn('runs privileged: whoever gets into this container has the whole machine');
  return read;
};

/** What people bring along from Compose: its names, and the fields of the spec that they fill. */
interface ComposeFields {
  readonly entrypoint: 'entrypoint';
  readonly user: 'user';
  readonly working_dir: 'workingDir';
  readonly hostname: 'hostname';
  readonly init: 'init';
  readonly tmpfs: 'tmpfs';
  readonly shm_size: 'shmBytes';
  readonly ulimits: 'ulimits';
  readonly cap_add: 'capAdd';
  readonly cap_drop: 'capDrop';
  readonly devices: 'devices';
  readonly gpus: 'gpus';
  readonly extra_hosts: 'extraHosts';
  readonly dns: 'dns';
  readonly sysctls: 'sysctls';
  readonly labels: 'labels';
  readonly env_file: 'envFiles';
  readonly read_only: 'readOnlyRoot';
  readonly privileged: 'privileged';
  readonly internal: 'internal';
  readonly shared_volume: 'sharedVolume';
  readonly logging: 'logging';
}
export type ComposeKeys = { readonly [K in keyof ComposeFields]: Key<ServiceSpec[ComposeFields[K]]> };

/** Absent is `undefined` for all of them, so that no revision moves when one is added. */
export const COMPOSE_KEYS: ComposeKeys = {
  entrypoint: optional(nonEmptyList(template)),
  user: optional(
    word(/^[A-Za-z0-9_][A-Za-z0-9_.-]*(?::[A-Za-z0-9_][A-Za-z0-9_.-]*)?$/, 'a user such as "1000", "app" or "app:app"'),
  ),
  working_dir: optional(word(/^\/(?!.*(?:^|\/)\.\.(?:\/|$))/, 'an absolute path in the container')),
  hostname: optional(hostName),
  init: optional(flag),
  tmpfs: optional(oneOrMore(tmpfs)),
  shm_size: optional(composeSize),
  ulimits: optional(record(ulimit, limitNameFault)),
  cap_add: optional(sorted(list(capability))),
  cap_drop: optional(sorted(list(capability))),
  devices: optional(list(device)),
  gpus: optional(gpus),
  extra_hosts: optional(sorted(list(extraHost))),
  dns: optional(oneOrMore(ip)),
  sysctls: optional(pairs(sysctlFault)),
  labels: optional(pairs(labelFault)),
  env_file: optional(oneOrMore(text)),
  read_only: optional(flag),
  privileged: optional(privileged),
  internal: optional(flag),
  shared_volume: optional(flag),
  logging: optional(logging),
};

type Composed = Pick<ServiceSpec, ComposeFields[keyof ComposeFields]>;

/** `false` is what the engine does anyway: writing it down changes no container. */
const orAbsent = (value: boolean | undefined): boolean | undefined => (value === true ? true : undefined);

export function composedOf(read: Values<ComposeKeys>, at: Place, rules: MountRules): Composed {
  return {
    entrypoint: read.entrypoint,
    user: read.user,
    workingDir: read.working_dir,
    hostname: read.hostname,
    init: orAbsent(read.init),
    tmpfs: read.tmpfs,
    shmBytes: read.shm_size,
    ulimits: read.ulimits,
    capAdd: read.cap_add,
    capDrop: read.cap_drop,
    devices: allowedDevices(read.devices, at, rules),
    gpus: read.gpus,
    extraHosts: read.extra_hosts,
    dns: read.dns,
    sysctls: read.sysctls,
    labels: read.labels,
    envFiles: read.env_file,
    readOnlyRoot: orAbsent(read.read_only),
    privileged: orAbsent(read.privileged),
    internal: orAbsent(read.internal),
    sharedVolume: orAbsent(read.shared_volume),
    logging: read.logging,
  };
}

/** A device is a piece of the host, like an absolute mount, and is allowed in the same place. */
function allowedDevices(
  devices: readonly Device[] | undefined,
  at: Place,
  { allowMounts }: MountRules,
): readonly Device[] | undefined {
  for (const [index, { host }] of (devices ?? []).entries()) {
    const fault = absoluteMountFault(host, allowMounts);
    if (fault !== undefined) at.at('devices', index).error(fault);
  }
  return devices;
}
