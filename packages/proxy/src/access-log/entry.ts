import { fieldValues } from '../raw-fields.ts';
import type { RawFields } from '../upstream.ts';
import type { AccessLogSettings } from './settings.ts';

/** One request, or one attempt at one: what the parser refused has neither method nor path. */
export interface AccessEntry {
  readonly timeMs: number;
  readonly client: string;
  readonly peer: string;
  readonly secure: boolean;
  readonly method: string | undefined;
  /** As the client sent it. */
  readonly host: string | undefined;
  /** As the client sent it, with the query. */
  readonly path: string | undefined;
  readonly version: string | undefined;
  /** 499: the client left before its response was complete. */
  readonly status: number;
  /** Body bytes forwarded and sent. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** To the response's head, and to its last byte or break. */
  readonly headMs: number;
  readonly ms: number;
  readonly service: string | undefined;
  readonly route: string | undefined;
  readonly target: string | undefined;
  readonly requestId: string | undefined;
  /** Why the proxy answered by itself, or what broke off. */
  readonly reason: string | undefined;
  /** The request's own fields, of which the settings name some. */
  readonly fields: RawFields;
}

type Format = Pick<AccessLogSettings, 'query' | 'fields'>;

/** A line of the log. ASCII only: whatever a client sent, no byte of it can steer a terminal or break the line. */
export const formatEntry = (entry: AccessEntry, { query = 'hide', fields = [] }: Format): string => {
  const { timeMs, client, peer, secure, method, host, path, version, status, bytesIn, bytesOut } = entry;
  const { headMs, ms, service, route, target, requestId, reason } = entry;
  const logged = fields.length === 0 ? undefined : loggedFields(entry.fields, fields);
  const text = JSON.stringify({
    time: new Date(timeMs).toISOString(),
    client,
    peer,
    method,
    host: host === undefined ? undefined : host.slice(0, longest),
    path: path === undefined ? undefined : redactPath(path, query).slice(0, longest),
    protocol: version === undefined ? undefined : `HTTP/${version}`,
    tls: secure,
    status,
    bytesIn,
    bytesOut,
    headMs: round(headMs),
    ms: round(ms),
    service: service === '' ? undefined : service,
    route: route === '' ? undefined : route,
    target,
    id: requestId,
    reason,
    fields: logged,
  });
  return `${escapeRest(text)}\n`;
};

/** The most of a path or a field that is written. */
const longest = 4_096;

const round = (ms: number): number => Math.round(ms * 10) / 10;

/** JSON escapes what is below a space; this does DEL, the C1 controls and everything else beyond ASCII. */
const escapeRest = (text: string): string =>
  /[^\x20-\x7e]/.test(text)
    ? text.replace(/[^\x20-\x7e]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
    : text;

/** A target in absolute form may hold a password, though it is refused for it. */
const userInformation = /^(?<scheme>[a-z][\w+.-]*:)?\/\/[^/@]*@/i;

const redactPath = (path: string, query: NonNullable<Format['query']>): string => {
  const whole = path.startsWith('/') ? path : path.replace(userInformation, '$<scheme>//*@');
  const at = whole.indexOf('?');
  if (at === -1 || query === 'keep') return whole;
  const bare = whole.slice(0, at);
  return query === 'drop'
    ? bare
    : `${bare}?${whole
        .slice(at + 1)
        .split('&')
        .map(hideValue)
        .join('&')}`;
};

/** What has no name may be nothing but a value. */
const hideValue = (pair: string): string => {
  if (pair === '') return '';
  const at = pair.indexOf('=');
  return at === -1 ? '*' : `${pair.slice(0, at)}=*`;
};

const loggedFields = (raw: RawFields, names: readonly string[]): Readonly<Record<string, string>> | undefined => {
  const logged: Record<string, string> = {};
  for (const name of names) {
    const lower = name.toLowerCase();
    const values = fieldValues(raw, lower);
    if (values.length > 0)
      logged[lower] = values
        .map((value) => redactField(lower, value))
        .join(', ')
        .slice(0, longest);
  }
  return Object.keys(logged).length === 0 ? undefined : logged;
};

const redactField = (name: string, value: string): string => {
  if (name === 'cookie')
    return value
      .split(';')
      .map((pair) => hideValue(pair.trim()))
      .join('; ');
  if (name === 'authorization' || name === 'proxy-authorization') return `${schemeOf(value)} *`.trimStart();
  if (name === 'referer') return redactPath(value, 'hide');
  return /(?:^|[-_])(?:token|key|secret|password|auth)(?:$|[-_])/.test(name) ? '*' : value;
};

/** Without a space it may be the secret itself. */
const schemeOf = (value: string): string => (value.includes(' ') ? value.slice(0, value.indexOf(' ')) : '');
