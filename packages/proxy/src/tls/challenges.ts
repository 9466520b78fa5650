import type { Socket } from 'node:net';
import { createServer, type SecureContext } from 'node:tls';
import { ProxyError } from '../errors.ts';
import { contextOf, serverSettings } from './tls-settings.ts';

/** The certificate that proves control over a name to an issuer (RFC 8737 §3). */
export interface ChallengeCertificate {
  readonly name: string;
  readonly certPem: string;
  readonly keyPem: string;
}

const protocol = 'acme-tls/1';

/** Answers tls-alpn-01 while a challenge is live, and never otherwise. */
export class Challenges {
  readonly #server;
  #contexts: ReadonlyMap<string, SecureContext> = new Map();

  constructor(handshakeTimeoutMs: number) {
    this.#server = createServer({
      ...serverSettings,
      ALPNProtocols: [protocol],
      handshakeTimeout: handshakeTimeoutMs,
      SNICallback: (name, done) => done(null, this.#contexts.get(name.toLowerCase())),
    });
    // Its handshake is all that an issuer wants to see.
    this.#server.on('secureConnection', (socket) => {
      socket.on('error', () => socket.destroy());
      socket.end();
    });
    this.#server.on('tlsClientError', (_, socket) => socket.destroy());
  }

  get isEmpty(): boolean {
    return this.#contexts.size === 0;
  }

  set(challenges: readonly ChallengeCertificate[]): void {
    this.#contexts = new Map(challenges.map((challenge) => [challenge.name.toLowerCase(), readContext(challenge)]));
  }

  /** Takes a connection over if it is an issuer's look at a live challenge (RFC 8737 §3: this protocol alone). */
  take(raw: Socket, name: string, protocols: readonly string[]): boolean {
    if (protocols.length !== 1 || protocols[0] !== protocol || !this.#contexts.has(name)) return false;
    this.#server.emit('connection', raw);
    return true;
  }
}

/** Throws `ORCA_PROXY_SETTINGS_INVALID` for the first that cannot be read. */
export const checkChallengeCertificates = (challenges: readonly ChallengeCertificate[]): void => {
  for (const challenge of challenges) readContext(challenge);
};

const readContext = ({ name, certPem, keyPem }: ChallengeCertificate): SecureContext => {
  try {
    return contextOf({ cert: certPem, key: keyPem });
  } catch (cause) {
    throw new ProxyError('ORCA_PROXY_SETTINGS_INVALID', `the challenge certificate of ${name} cannot be read`, {
      cause,
    });
  }
};
