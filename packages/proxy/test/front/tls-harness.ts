import { once } from 'node:events';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import type { Certificate, ProxyOptions, Route } from '@orca/proxy';
import { aProxy, closing, RawClient, type RunningProxy } from '../harness.ts';
import { aPair, root } from './issuer.ts';

export interface SecureProxy extends RunningProxy {
  readonly httpsPort: number;
}

export const certificate = (...names: readonly string[]): Certificate => ({ names, ...aPair(...names) });

/** A proxy with HTTPS and a certificate for `app.test`. */
export const aSecureProxy = async (
  routes: readonly Route[],
  options: Partial<ProxyOptions> = {},
  certificates: readonly Certificate[] = [certificate('app.test')],
): Promise<SecureProxy> => {
  const proxy = await aProxy(routes, { ...options, https: { port: 0, bind: '127.0.0.1', ...options.https } });
  proxy.setCertificates(certificates);
  const { httpsAddress } = proxy;
  if (httpsAddress === undefined) throw new Error('no HTTPS');
  return { ...proxy, httpsPort: httpsAddress.port };
};

export const secureOptions = (port: number, more: ConnectionOptions = {}): ConnectionOptions => ({
  port,
  host: '127.0.0.1',
  servername: 'app.test',
  ca: root.certPem,
  ...more,
});

/** A TLS connection that has shaken hands. */
export const shake = async (port: number, more: ConnectionOptions = {}): Promise<TLSSocket> => {
  const socket = connect(secureOptions(port, more));
  closing(() => void socket.destroy());
  await once(socket, 'secureConnect');
  return socket;
};

/** Why a handshake came to nothing. */
export const refusal = async (port: number, more: ConnectionOptions = {}): Promise<string> => {
  const socket = connect(secureOptions(port, more));
  closing(() => void socket.destroy());
  try {
    await once(socket, 'secureConnect');
  } catch (error) {
    return Error.isError(error) && 'code' in error ? String(error.code) : String(error);
  }
  throw new Error('the handshake succeeded');
};

/** A client of bytes behind TLS. */
export const dialSecure = async (port: number, more: ConnectionOptions = {}): Promise<RawClient> =>
  new RawClient(await shake(port, { ALPNProtocols: ['http/1.1'], ...more }));
