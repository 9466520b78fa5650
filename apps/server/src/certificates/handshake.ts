import { connect } from 'node:tls';
import { X509Certificate } from 'node:crypto';

export interface HandshakeOptions {
  readonly host: string;
  readonly address: { readonly host: string; readonly port: number };
  readonly timeoutMs?: number;
}

/** Serial number of the certificate that a client of this name is shown; `undefined` when it is shown none. */
export const shownSerial = ({ host, address, timeoutMs = 5_000 }: HandshakeOptions): Promise<string | undefined> =>
  new Promise((resolve) => {
    const socket = connect({
      host: reachable(address.host),
      port: address.port,
      servername: host.replace(/^\*\./, 'orca-check.'),
      // What is shown is what is asked here; who vouches for it is not.
      rejectUnauthorized: false,
    });
    const end = (serial: string | undefined): void => {
      socket.destroy();
      resolve(serial);
    };
    socket.setTimeout(timeoutMs, () => end(undefined));
    socket.once('error', () => end(undefined));
    socket.once('close', () => end(undefined));
    socket.once('secureConnect', () => {
      const { raw } = socket.getPeerCertificate();
      end(raw === undefined ? undefined : new X509Certificate(raw).serialNumber.toLowerCase());
    });
  });

/** An address that is listened on is not always one that can be connected to. */
const reachable = (host: string): string => (host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host);
