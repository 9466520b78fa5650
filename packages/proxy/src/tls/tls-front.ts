import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { Observer } from '../events.ts';
import { lookAtFirstBytes } from '../listener/first-bytes.ts';
import type { ProxyTimeouts } from '../settings.ts';
import { Certificates, type Certificate, type RefusedCertificate } from './certificates.ts';
import { Challenges, type ChallengeCertificate } from './challenges.ts';
import { judgeClientHello, type ClientHello } from './client-hello.ts';
import { contextOf, serverSettings } from './tls-settings.ts';
import { createSelfSigned } from './self-signed.ts';

/** RFC 9325 §3.4 wants a key that does not live for long: whoever gets it reads what it sealed. */
const ticketKeyLifeMs = 86_400_000;
const ticketKeyBytes = 48;

export interface Secured {
  readonly socket: TLSSocket;
  /** The client's address, as the listener found it. */
  readonly address: string;
  /** The TCP connection underneath. */
  readonly raw: Socket;
  /** Whether the client may ask for a host on this connection: what it was shown vouches for it, or for nothing. */
  readonly covers: (name: string) => boolean;
}

export interface TlsFrontOptions {
  readonly timeouts: Pick<ProxyTimeouts, 'firstByteMs' | 'tlsHandshakeMs'>;
  readonly observe: Observer;
  /** What a client gets that names a server without a certificate. */
  readonly unknownNames: 'default' | 'refuse';
  readonly protocols: readonly string[];
  readonly onSecure: (secured: Secured) => void;
  readonly now: () => number;
}

/** Turns TCP connections into TLS ones, with the certificate that the client asks for. */
export class TlsFront {
  readonly #options: TlsFrontOptions;
  readonly #server: Server;
  readonly #challenges: Challenges;
  readonly #certificates = new Certificates(contextOf);
  readonly #fallback: { readonly cert: string; readonly key: string };
  /** Connections in their handshake, by what both layers know of them. */
  readonly #pending = new Map<string, Pending>();
  #ticketKeys: Buffer = randomBytes(ticketKeyBytes);
  #rotation: NodeJS.Timeout | undefined;

  constructor(options: TlsFrontOptions) {
    this.#options = options;
    const { certPem, keyPem } = createSelfSigned('invalid', options.now());
    this.#fallback = { cert: certPem, key: keyPem };
    this.#challenges = new Challenges(options.timeouts.tlsHandshakeMs);
    this.#server = createServer({
      ...serverSettings,
      ...this.#fallback,
      ticketKeys: this.#ticketKeys,
      ALPNProtocols: [...options.protocols],
      handshakeTimeout: options.timeouts.tlsHandshakeMs,
      SNICallback: (name, done) => done(null, this.#certificates.pairFor(name)?.context),
    });
    this.#server.on('secureConnection', (socket) => this.#onSecure(socket));
    this.#server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => this.#onFailed(error, socket));
    this.#rotation = setInterval(() => this.#useTicketKeys(randomBytes(ticketKeyBytes)), ticketKeyLifeMs).unref();
  }

  take(raw: Socket, address: string): void {
    const id = idOf(raw);
    this.#pending.set(id, { raw, address });
    raw.once('close', () => {
      // A client that reset it may have come again from the same port before we heard of that.
      if (this.#pending.get(id)?.raw === raw) this.#pending.delete(id);
    });
    if (this.#challenges.isEmpty && this.#options.unknownNames === 'default') {
      this.#server.emit('connection', raw);
      return;
    }
    lookAtFirstBytes(raw, {
      timeoutMs: this.#options.timeouts.firstByteMs,
      judge: judgeClientHello,
      onSeen: (hello) => this.#handOver(raw, address, hello),
      onFailed: (reason) => this.#options.observe({ kind: 'handshake-failed', peer: address, reason }),
    });
  }

  setCertificates(certificates: readonly Certificate[]): readonly RefusedCertificate[] {
    const refused = this.#certificates.set(certificates);
    const shown = this.#certificates.default;
    const pair = shown === undefined ? this.#fallback : { cert: shown.chainPem, key: shown.keyPem };
    this.#server.setSecureContext({ ...serverSettings, ...pair });
    // The new context came with keys of its own; those who hold a ticket shall not notice.
    this.#server.setTicketKeys(this.#ticketKeys);
    return refused;
  }

  setChallenges(challenges: readonly ChallengeCertificate[]): void {
    this.#challenges.set(challenges);
  }

  /** Keys that several processes share; they rotate when their owner says so, no longer by themselves. */
  setTicketKeys(keys: Buffer): void {
    clearInterval(this.#rotation);
    this.#useTicketKeys(keys);
  }

  /** Ends every handshake that is under way. */
  close(): void {
    clearInterval(this.#rotation);
    for (const { raw } of this.#pending.values()) raw.destroy();
  }

  #useTicketKeys(keys: Buffer): void {
    this.#ticketKeys = keys;
    this.#server.setTicketKeys(keys);
  }

  #handOver(raw: Socket, address: string, hello: ClientHello | null): void {
    const name = hello?.serverName;
    if (name !== undefined && this.#challenges.take(raw, name, hello?.protocols ?? [])) return;
    if (this.#options.unknownNames === 'refuse' && name !== undefined && !this.#certificates.pairFor(name)) {
      this.#options.observe({ kind: 'handshake-failed', peer: address, reason: 'no certificate for the name' });
      raw.end(unrecognizedName);
      raw.destroySoon();
      return;
    }
    this.#server.emit('connection', raw);
  }

  #onSecure(socket: TLSSocket): void {
    const id = idOf(socket);
    const pending = this.#pending.get(id);
    if (pending === undefined) {
      // The client was gone before the handshake was over for us.
      socket.destroy();
      return;
    }
    this.#pending.delete(id);
    // Whoever asked for no name, or for one that nothing vouches for, was shown what vouches for nothing.
    const { servername } = socket;
    const pair = typeof servername === 'string' ? this.#certificates.pairFor(servername) : undefined;
    this.#options.onSecure({ ...pending, socket, covers: (name) => pair === undefined || pair.covers(name) });
  }

  #onFailed(error: NodeJS.ErrnoException, socket: TLSSocket): void {
    const peer = this.#pending.get(idOf(socket))?.address ?? '';
    this.#options.observe({ kind: 'handshake-failed', peer, reason: error.code ?? error.message });
    socket.destroy();
  }
}

interface Pending {
  readonly raw: Socket;
  readonly address: string;
}

/** A fatal alert (RFC 8446 §6.2, RFC 6066 §3): 112, in a record of its own. */
const unrecognizedName = Buffer.from('15030300020270', 'hex');

const idOf = ({ remoteAddress, remotePort, localAddress }: Socket): string =>
  `${remoteAddress} ${remotePort} ${localAddress}`;
