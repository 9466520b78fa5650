export { ServerError, type ServerErrorCode } from './errors.ts';
export { proxyStatus, stopProxy, type ProxyStatus } from '@orca/proxy/process';
export { runServer, type ServerOptions } from './run-server.ts';
