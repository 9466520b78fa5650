import { posix } from 'node:path';
import { ipAddress, ipNetwork } from './addresses.ts';
import { createPlace } from './faults.ts';
import type { AccessLogSpec, ProxySpec } from './model.ts';
import { flag, integer, kindOf, list, oneOf, parsedText, port, quote, Refusal, seconds, word } from './read.ts';
import { type Key, optional, type Read, readTable, rows, section, table, type Values, withDefault } from './table.ts';
import { isTable } from './toml.ts';
import { bodySize } from './units.ts';

const TIMEOUTS = rows({
  title: '[proxy.timeouts]',
  keys: {
    first_byte_secs: optional(seconds(1, 3600)),
    headers_secs: optional(seconds(1, 3600)),
    body_idle_secs: optional(seconds(1, 86_400)),
    keep_alive_secs: optional(seconds(1, 86_400)),
    connect_secs: optional(seconds(0.1, 300)),
    response_secs: optional(seconds(0)),
    response_idle_secs: optional(seconds(0)),
    target_idle_secs: optional(seconds(0, 3600)),
    websocket_grace_secs: optional(seconds(0, 3600)),
  },
});

/** Without `..`, so that what is shown is what is written to. */
const filePath = parsedText((written) => {
  if (written.startsWith('/') && !written.endsWith('/') && !written.split('/').includes('..'))
    return posix.normalize(written);
  return new Refusal(`${quote(written)} is not the absolute path of a file`);
});

const token = /^[\w!#$%&'*+.^`|~-]{1,64}$/;

const ACCESS_LOG = rows({
  title: '[proxy.access_log]',
  keys: {
    path: optional(filePath),
    max_size: withDefault(bodySize, 64_000_000),
    keep: withDefault(integer(1, 1000), 4),
    query: withDefault(oneOf('hide', 'keep', 'drop'), 'hide'),
    header_names: withDefault(list(word(token, 'the name of a header field such as "user-agent"')), []),
  },
});

const accessLogOf = (read: Values<(typeof ACCESS_LOG)['keys']>): AccessLogSpec => ({
  path: read.path,
  maxBytes: read.max_size,
  keep: read.keep,
  query: read.query,
  headerNames: read.header_names,
});

const DEFAULT_ACCESS_LOG = accessLogOf(readTable(ACCESS_LOG, {}, createPlace([])));

/** `true`, `false`, or how. */
const accessLog: Read<AccessLogSpec | false> = (value, at) => {
  if (typeof value === 'boolean') return value && DEFAULT_ACCESS_LOG;
  if (!isTable(value)) return at.error(`must be true, false or [proxy.access_log], not ${kindOf(value)}`);
  return accessLogOf(readTable(ACCESS_LOG, value, at));
};

const PROXY = rows({
  title: '[proxy]',
  keys: {
    http_port: withDefault(port, 80),
    https_port: optional(port),
    bind: withDefault(ipAddress, '0.0.0.0'),
    workers: optional(integer(1, 256)),
    trusted_proxies: withDefault(list(ipNetwork), []),
    forwarded: withDefault(flag, false),
    via_name: optional(word(token, 'a name of letters, digits and "-"')),
    allowed_header_names: withDefault(list(word(token, 'the name of a header field such as "x_tenant"')), []),
    proxy_protocol: withDefault(list(ipNetwork), []),
    max_connections: optional(integer(1, 1_000_000)),
    max_connections_per_ip: optional(integer(1, 1_000_000)),
    timeouts: section(TIMEOUTS),
    access_log: withDefault(accessLog, DEFAULT_ACCESS_LOG),
  },
});

const proxySpecOf = (read: Values<(typeof PROXY)['keys']>): ProxySpec => {
  const { timeouts: t } = read;
  return {
    httpPort: read.http_port,
    // Whoever may not use 80, or stands behind somebody who does, has no 443 to give either.
    httpsPort: read.https_port ?? (read.http_port === 80 ? 443 : undefined),
    bind: read.bind,
    workers: read.workers,
    trustedProxies: read.trusted_proxies,
    forwarded: read.forwarded,
    viaName: read.via_name,
    allowedHeaderNames: read.allowed_header_names,
    proxyProtocolFrom: read.proxy_protocol,
    maxConnections: read.max_connections,
    maxConnectionsPerIp: read.max_connections_per_ip,
    timeouts: {
      firstByteMs: t.first_byte_secs,
      headersMs: t.headers_secs,
      bodyIdleMs: t.body_idle_secs,
      keepAliveMs: t.keep_alive_secs,
      connectMs: t.connect_secs,
      responseHeadersMs: t.response_secs,
      responseIdleMs: t.response_idle_secs,
      targetIdleMs: t.target_idle_secs,
      upgradeGraceMs: t.websocket_grace_secs,
    },
    accessLog: read.access_log === false ? undefined : read.access_log,
  };
};

const proxySpec: Read<ProxySpec> = (value, at) => {
  const read = table(PROXY)(value, at);
  return read === undefined ? undefined : proxySpecOf(read);
};

/** `[proxy]` of cluster.toml. */
export const proxySection: Key<ProxySpec> = withDefault(proxySpec, proxySpecOf(readTable(PROXY, {}, createPlace([]))));
