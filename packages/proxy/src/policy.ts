import { ProxyError } from './errors.ts';
import { compileTrust, type Trust } from './trust.ts';

/** What may change while the proxy runs, apart from routes and certificates. Plain data. */
export interface ProxySettings {
  /**
   * Networks of peers whose X-Forwarded-* is believed (`10.0.0.0/8`, `fd00::/8`, or one
   * address). Nobody by default: what everybody else says about its origin is discarded.
   */
  readonly trustedProxies?: readonly string[];
  /** Sends RFC 7239 `Forwarded` to targets, next to X-Forwarded-*. */
  readonly forwarded?: boolean;
  /**
   * This proxy's name in `Via`. A request that carries it already went in a circle (508), so
   * proxies that stand behind one another need names of their own.
   */
  readonly pseudonym?: string;
  /**
   * Request field names with `_` or `.` to let through. Others are dropped, since many
   * application servers read `X_Forwarded_For` as `X-Forwarded-For`.
   */
  readonly allowedFieldNames?: readonly string[];
  /** The port that redirects to HTTPS name; 443, which needs no naming, by default. */
  readonly httpsPort?: number;
}

/** The settings in force, ready for use. */
export interface Policy {
  readonly trust: Trust;
  readonly forwarded: boolean;
  readonly pseudonym: string;
  /** Lower-case. */
  readonly allowedNames: ReadonlySet<string>;
  readonly httpsPort: number;
}

/** Throws `ORCA_PROXY_SETTINGS_INVALID` for settings that cannot be meant. */
export const compilePolicy = (settings: ProxySettings): Policy => {
  const { pseudonym = 'orca', httpsPort = 443 } = settings;
  if (typeof pseudonym !== 'string' || !/^[\w!#$%&'*+.^`|~-]+$/.test(pseudonym))
    throw new ProxyError('ORCA_PROXY_SETTINGS_INVALID', `pseudonym ${JSON.stringify(pseudonym)} is no token`);
  if (!Number.isInteger(httpsPort) || httpsPort < 1 || httpsPort > 65_535)
    throw new ProxyError('ORCA_PROXY_SETTINGS_INVALID', `httpsPort ${String(httpsPort)} is no port`);
  return {
    trust: compileTrust(settings.trustedProxies ?? []),
    forwarded: settings.forwarded === true,
    pseudonym,
    allowedNames: new Set(settings.allowedFieldNames?.map((name) => name.toLowerCase())),
    httpsPort,
  };
};
