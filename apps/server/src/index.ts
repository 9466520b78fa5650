export { ServerError, type ServerErrorCode } from './errors.ts';
export { runServer, type ServerOptions } from './run-server.ts';
