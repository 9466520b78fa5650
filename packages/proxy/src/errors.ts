/**
 * - `ORCA_PROXY_TABLE_INVALID`: a route table that cannot be served; the former one stays in force.
 * - `ORCA_PROXY_TARGET_ROUTED`: a drain of a target that the table still sends requests to.
 * - `ORCA_PROXY_NOT_LISTENING`: the address was asked for before `listen()` resolved.
 * - `ORCA_PROXY_ALREADY_LISTENING`: `listen()` was called again; what listens goes on.
 * - `ORCA_PROXY_SETTINGS_INVALID`: settings that cannot be meant; the former ones stay in force.
 * - `ORCA_PROXY_PORT_UNAVAILABLE`: a port cannot be listened on; the cause has the system's code.
 * - `ORCA_PROXY_UNREACHABLE`: the proxy's own processes cannot be started, or do not answer.
 * - `ORCA_PROXY_SUPERSEDED`: a newer controller has taken the proxy over; this one may change nothing any more.
 * - `ORCA_PROXY_PROTOCOL`: a message between processes of the proxy that cannot be read or is out of place.
 */
export type ProxyErrorCode =
  | 'ORCA_PROXY_TABLE_INVALID'
  | 'ORCA_PROXY_TARGET_ROUTED'
  | 'ORCA_PROXY_NOT_LISTENING'
  | 'ORCA_PROXY_ALREADY_LISTENING'
  | 'ORCA_PROXY_SETTINGS_INVALID'
  | 'ORCA_PROXY_PORT_UNAVAILABLE'
  | 'ORCA_PROXY_UNREACHABLE'
  | 'ORCA_PROXY_SUPERSEDED'
  | 'ORCA_PROXY_PROTOCOL';

export class ProxyError extends Error {
  override readonly name: string = 'ProxyError';
  readonly code: ProxyErrorCode;

  constructor(code: ProxyErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
