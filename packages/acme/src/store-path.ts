import { createHash } from 'node:crypto';
import { AcmeError } from './errors.ts';

/** A directory's name for an authority: readable, and different for every address (A2). */
export const authorityFolder = (directory: string): string => {
  const { host, pathname } = new URL(directory);
  const readable = `${host}${pathname}`
    .toLowerCase()
    .replaceAll(/[^a-z0-9.-]+/g, '-')
    .replaceAll(/^[-.]+|[-.]+$/g, '');
  return `${readable.slice(0, 80)}-${shortHash(directory)}`;
};

const hostShape = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;

/** A host's folder; `*.` is spelt `wildcard_.`. Refuses everything that is not a plain host name: it goes into a path. */
export const hostFolder = (host: string): string => {
  const plain = host.startsWith('*.') ? host.slice(2) : host;
  if (plain.length <= 253 && hostShape.test(plain)) return host.startsWith('*.') ? `wildcard_.${plain}` : plain;
  throw new AcmeError('ORCA_ACME_STORE', `${JSON.stringify(host.slice(0, 80))} is not a host name`);
};

export const hostOfFolder = (folder: string): string =>
  folder.startsWith('wildcard_.') ? `*.${folder.slice('wildcard_.'.length)}` : folder;

/** Whether a name in an authority's folder is a host's; accounts and what others put there are not. */
export const isHostFolder = (name: string): boolean =>
  !name.startsWith('account-') && hostShape.test(name.replace(/^wildcard_\./, ''));

export const shortHash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 10);
