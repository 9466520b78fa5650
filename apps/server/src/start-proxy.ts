import { attachProxy, type AttachedProxy } from '@orca/proxy/process';
import type { ClusterSpec } from '@orca/spec';
import { availableParallelism } from 'node:os';
import type { Logger } from 'pino';
import { ServerError } from './errors.ts';
import { isCode, type Home } from './home.ts';
import { portsOf, proxyWishes, type GivenPorts } from './proxy-options.ts';
import { messageOf } from './wire.ts';

export interface StartProxyOptions {
  readonly home: Home;
  readonly cluster: ClusterSpec;
  readonly options: GivenPorts;
  readonly log: Logger;
}

/** Finds or starts the proxy of this home, on the port that is asked for. */
export const startProxy = async ({ home, cluster, options, log }: StartProxyOptions): Promise<AttachedProxy> => {
  const { bind: host, workers = availableParallelism() } = cluster.proxy;
  const { proxyProtocolFrom, timeouts, accessLog } = proxyWishes(cluster.proxy, home);
  const { httpPort, httpsPort } = portsOf(cluster.proxy, options);
  const http = { host, port: httpPort, proxyProtocolFrom };
  const https = httpsPort === undefined ? {} : { https: { host, port: httpsPort, proxyProtocolFrom } };
  try {
    return await attachProxy({
      dir: home.dir,
      config: { http, ...https, workers, timeouts, ...(accessLog && { accessLog }) },
      log: {
        info: (message, details = {}) => log.info(details, message),
        error: (message, details = {}) => log.error(details, message),
      },
      onEvent: (event) => log.debug(event, 'proxy'),
    });
  } catch (cause) {
    if (!isCode(cause, 'ORCA_PROXY_PORT_UNAVAILABLE'))
      throw new ServerError('ORCA_SERVER_PROXY', messageOf(cause), { cause });
    throw new ServerError(
      'ORCA_SERVER_PORT_UNAVAILABLE',
      `the proxy ${messageOf(cause)}; or change [proxy] http_port, https_port or bind in cluster.toml`,
      { cause },
    );
  }
};
