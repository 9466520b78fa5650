export { proxyStatus, runServer, stopProxy } from '@orca/server';
