export { attachProxy, type AttachedProxy, type AttachOptions } from './attach.ts';
export type { ListenAddress, ProxyConfig } from './config.ts';
export { ownProgram } from './entries.ts';
export type { Program } from './heir.ts';
export type { Log } from './log.ts';
export type { ProxyStatus } from './status.ts';
export { proxyStatus, stopProxy } from './visit.ts';
export type { RefusedCertificate } from '../tls/certificates.ts';
export { emptyState, type ProxyState } from '../state.ts';
