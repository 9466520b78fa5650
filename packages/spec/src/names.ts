import { domainToASCII } from 'node:url';
import type { ServiceName } from './model.ts';
import { parsedText, quote, Refusal, word } from './read.ts';
import type { Read } from './table.ts';

const DNS_NAME = /^[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$/;
const DNS_NAME_FORM = '2 to 63 characters of a-z, 0-9 and "-", with a letter or digit at both ends';
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const IMAGE =
  /^(?:[A-Za-z0-9][A-Za-z0-9.-]*(?::\d{1,5})?\/)?[a-z0-9]+(?:[._/-]+[a-z0-9]+)*(?::\w[\w.-]{0,127})?(?:@sha256:[a-f0-9]{64})?$/;

export function isServiceName(name: string): name is ServiceName {
  return DNS_NAME.test(name);
}

export const serviceName: Read<ServiceName> = parsedText((name) =>
  isServiceName(name) ? name : new Refusal(`${quote(name)} is not a service name: must be ${DNS_NAME_FORM}`),
);
export const projectName: Read<string> = word(DNS_NAME, DNS_NAME_FORM);
export const isProjectName = (name: string): boolean => DNS_NAME.test(name);

export const image: Read<string> = word(IMAGE, 'an image reference such as "postgres:16-alpine"');
export const alias: Read<string> = word(/^[a-z0-9][a-z0-9._-]{0,62}$/, 'a host name of a-z, 0-9, ".", "_" and "-"');
export const volumeName: Read<string> = word(
  /^[A-Za-z0-9][A-Za-z0-9_.-]{0,254}$/,
  'the name of a volume (for a host directory use [[service.mounts]])',
);
export const networkName: Read<string> = word(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/, 'the name of a network');
export const stopSignal: Read<string> = word(/^(?:SIG[A-Z0-9+-]{2,12}|[1-9]\d?)$/, 'a signal such as "SIGINT"');

/** A host name in lower-case ASCII; one leading `*.` stands for one label. */
export const domain: Read<string> = parsedText((written) => {
  const isWildcard = written.startsWith('*.');
  const name = domainToASCII(isWildcard ? written.slice(2) : written);
  const labels = name.split('.');
  const isHostName = labels.every((label) => LABEL.test(label)) && name.length <= 253 && !/^[\d.]+$/.test(name);
  if (!isHostName)
    return new Refusal(`${quote(written)} is not a domain: write a host name such as "auth.example.com"`);
  return isWildcard ? `*.${name}` : name;
});

/**
 * `/api/*` and `/api` mean the same: that segment and everything under it. As on the wire, where
 * there is only ASCII: what a browser shows as `/é` arrives as `/%C3%A9`.
 */
export const routePath: Read<string> = parsedText((written) => {
  const prefix = written.replace(/\/\*?$/, '');
  if (prefix === '' && written.startsWith('/')) return '/';
  if (/^\/[^\s*?#\\]*$/.test(prefix) && /[^\x21-\x7e]/.test(prefix))
    return new Refusal(`${quote(written)} has characters that no request has: percent-encode them, as in "/%C3%A9"`);
  if (/^\/[^\s*?#\\]*$/.test(prefix) && !/\/\.{0,2}(?:\/|$)/.test(prefix)) return prefix;
  return new Refusal(`${quote(written)} is not a path prefix: write "/api/*" ("*" only at the end, after "/")`);
});

export const urlPath: Read<string> = word(/^\/[^\s#\\]*$/, 'a path that starts with "/"');

export function envNameFault(name: string): string | undefined {
  if (name === '__proto__' || !/^[A-Za-z_][A-Za-z0-9_.-]{0,254}$/.test(name)) {
    return `${quote(name)} is not the name of an environment variable: letters, digits and "_", not starting with a digit`;
  }
  return undefined;
}
