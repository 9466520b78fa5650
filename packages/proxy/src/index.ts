export type { Peer } from './client-side.ts';
export { createProxy } from './create-proxy.ts';
export type { DrainOptions } from './drain.ts';
export { ProxyError, type ProxyErrorCode } from './errors.ts';
export type { ProxyEvent } from './events.ts';
export type { Before, OwnAnswer, PlainRequest, Proxy, ProxyAddress, ProxyOptions } from './options.ts';
export type { ProxySettings } from './policy.ts';
export { matchRoute, type Route, type RouteTable, type Target } from './route.ts';
export type { ProxyTimeouts } from './settings.ts';
