import { open, stat } from 'node:fs/promises';
import { readCertificate, type Certificate } from './certificate.ts';
import { messageOf } from './errors.ts';
import type { OnAcmeEvent } from './events.ts';
import { coversHost } from './host-name.ts';
import type { Now } from './ports.ts';
import { expiryThreshold } from './renewal.ts';

/** A pair that somebody else obtains and puts into files. */
export interface CertFile {
  readonly hosts: readonly string[];
  readonly certPath: string;
  readonly keyPath: string;
}

export interface CertFileState extends CertFile {
  /** What is in service: the last pair that was good. */
  readonly certificate: Certificate | undefined;
  /** Why what is on disk now is not. */
  readonly fault: string | undefined;
}

/**
 * Pairs in files, looked at again and again (A25). One that is torn, or whose halves do not
 * belong together because only one of them was replaced so far, changes nothing: what was good
 * before serves on.
 */
export interface CertFiles {
  /** Replaces the set, and reads what is new in it. */
  watch(files: readonly CertFile[]): Promise<void>;
  /** Reads what changed on disk, and warns of what expires. */
  refresh(): Promise<void>;
  state(): readonly CertFileState[];
}

export interface CertFilesOptions {
  readonly now: Now;
  readonly onEvent?: OnAcmeEvent;
  /** Told of a pair that was taken into use, and of one that could not be. */
  readonly onChange?: (state: CertFileState) => void;
}

interface Entry {
  state: CertFileState;
  stamp: string;
  warned: string;
}

const maxBytes = 1024 * 1024;

export const createCertFiles = ({ now, onEvent, onChange }: CertFilesOptions): CertFiles => {
  let entries = new Map<string, Entry>();
  const read = async (entry: Entry): Promise<void> => {
    const { certPath, keyPath, hosts } = entry.state;
    const stamp = `${await stampOf(certPath)} ${await stampOf(keyPath)}`;
    if (stamp === entry.stamp) return;
    entry.stamp = stamp;
    try {
      const certificate = readCertificate(await readText(certPath), await readText(keyPath));
      const other = hosts.find((host) => !coversHost(certificate.names, host));
      if (other !== undefined) throw new Error(`it is for ${certificate.names.join(', ')}, not for ${other}`);
      entry.state = { ...entry.state, certificate, fault: undefined };
    } catch (error) {
      entry.state = { ...entry.state, fault: `${certPath}: ${messageOf(error)}` };
    }
    onChange?.(entry.state);
  };
  const warn = (entry: Entry): void => {
    const { certificate, hosts } = entry.state;
    const days = certificate && expiryThreshold(certificate, now());
    const warned = `${certificate?.serial} ${days}`;
    if (certificate === undefined || days === undefined || entry.warned === warned) return;
    entry.warned = warned;
    for (const host of hosts) onEvent?.({ type: 'expiring', host, days, notAfter: certificate.notAfter });
  };
  const refresh = async (): Promise<void> => {
    for (const entry of entries.values()) {
      await read(entry);
      warn(entry);
    }
  };
  return {
    state: () => [...entries.values()].map(({ state }) => state),
    watch: async (files) => {
      entries = new Map(
        files.map((file) => {
          const key = JSON.stringify([file.certPath, file.keyPath, file.hosts]);
          const state = { ...file, certificate: undefined, fault: undefined };
          return [key, entries.get(key) ?? { state, stamp: '', warned: '' }];
        }),
      );
      await refresh();
    },
    refresh,
  };
};

/** What changes when a file is written or replaced; empty when it is not there. */
const stampOf = async (path: string): Promise<string> => {
  try {
    // With the time of its last change of mode or owner: what could not be read may be readable now.
    const { ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return `${ino}:${size}:${mtimeNs}:${ctimeNs}`;
  } catch {
    return '';
  }
};

const readText = async (path: string): Promise<string> => {
  const handle = await open(path, 'r');
  try {
    const found = await handle.stat();
    if (!found.isFile()) throw new Error('is not a file');
    if (found.size > maxBytes) throw new Error('is larger than 1 MiB');
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
};
