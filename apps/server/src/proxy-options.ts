import type { AccessLogSettings, ProxyLimits, ProxySettings, ProxyTimeouts } from '@orca/proxy';
import type { ProxySpec } from '@orca/spec';
import { defined } from './defined.ts';

/** `[proxy]` of cluster.toml in the words of the proxy, apart from its ports; what is not asked for is left out. */
export interface ProxyWishes {
  readonly settings: ProxySettings;
  readonly limits: Partial<ProxyLimits>;
  readonly timeouts: Partial<ProxyTimeouts>;
  /** Networks of balancers that speak the PROXY protocol, on every port. */
  readonly proxyProtocolFrom: readonly string[];
  readonly accessLog: (Required<Pick<AccessLogSettings, 'rotation'>> & AccessLogSettings) | undefined;
}

/** Ports of the command line, which go before those of cluster.toml. */
export interface GivenPorts {
  readonly proxyPort?: number;
  readonly httpsPort?: number;
}

/** Where the proxy listens. A port for HTTP of the command line alone means no HTTPS. */
export const portsOf = (spec: ProxySpec, given: GivenPorts): Pick<ProxySpec, 'httpPort' | 'httpsPort'> => ({
  httpPort: given.proxyPort ?? spec.httpPort,
  httpsPort: given.httpsPort ?? (given.proxyPort === undefined ? spec.httpsPort : undefined),
});

export const proxyWishes = (spec: ProxySpec, places: { readonly accessLogPath: string }): ProxyWishes => ({
  settings: {
    trustedProxies: spec.trustedProxies,
    forwarded: spec.forwarded,
    allowedFieldNames: spec.allowedHeaderNames,
    ...defined({ pseudonym: spec.viaName }),
  },
  limits: defined({ connections: spec.maxConnections, connectionsPerAddress: spec.maxConnectionsPerIp }),
  timeouts: defined(spec.timeouts),
  proxyProtocolFrom: spec.proxyProtocolFrom,
  accessLog: spec.accessLog && {
    path: spec.accessLog.path ?? places.accessLogPath,
    rotation: { maxBytes: spec.accessLog.maxBytes, keep: spec.accessLog.keep },
    query: spec.accessLog.query,
    fields: spec.accessLog.headerNames,
  },
});
