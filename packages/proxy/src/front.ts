import type { Socket } from 'node:net';
import { createHttp1Front } from './http1-front.ts';
import { createHttp2Front } from './http2/http2-front.ts';
import { Gate } from './listener/gate.ts';
import { createListener, type Listener } from './listener/listener.ts';
import type { HttpsOptions, ListenHandles, ProxyAddress, ProxyOptions } from './options.ts';
import type { ServeDeps } from './serve.ts';
import type { ProxyLimits } from './settings.ts';
import { TlsFront, type Secured } from './tls/tls-front.ts';

export interface FrontDeps extends ServeDeps {
  readonly limits: () => ProxyLimits;
}

/** Everything between the network and an admitted request. */
export interface Front {
  listen(handles?: ListenHandles): Promise<void>;
  readonly address: ProxyAddress | undefined;
  readonly httpsAddress: ProxyAddress | undefined;
  /** `undefined` without HTTPS. */
  readonly tls: TlsFront | undefined;
  /** Takes no more connections and lets those that are used end; resolves when the last one has. */
  close(): Promise<void>;
  /** Takes no more connections and cuts none: each ends with its next response, or when it is idle for too long. */
  retire(): Promise<void>;
  /** Ends whatever is still open. */
  cut(): void;
}

export const createFront = (deps: FrontDeps, options: ProxyOptions): Front => {
  const { observe } = deps;
  const gate = new Gate(deps.limits, observe);
  const http1 = createHttp1Front(deps);
  const http2 = createHttp2Front(deps);
  const { https } = options;
  const plain = createListener({
    gate,
    observe,
    proxyProtocolFrom: options.proxyProtocolFrom ?? [],
    onConnection: (socket, address) => {
      count(deps, socket);
      http1.take({ socket, peer: { address, isSecure: false }, covers: () => true, reset: resetOf(socket) });
    },
  });
  const onSecure = (secured: Secured): void => {
    const { socket, address, raw, covers } = secured;
    if (socket.alpnProtocol === 'h2') http2.take(secured);
    else http1.take({ socket, peer: { address, isSecure: true }, covers, reset: resetOf(raw) });
  };
  const tls = https && createTls(deps, https, onSecure);
  const secure =
    tls &&
    createListener({
      gate,
      observe,
      proxyProtocolFrom: https.proxyProtocolFrom ?? [],
      onConnection: (socket, address) => {
        count(deps, socket);
        tls.take(socket, address);
      },
    });
  const listeners = secure === undefined ? [plain] : [plain, secure];

  return {
    listen: async (handles) => {
      const { http, https: ofHttps } = handles ?? {};
      await plain.listen(http ? { handles: http } : { port: options.port, host: options.bind });
      try {
        await secure?.listen(
          ofHttps ? { handles: ofHttps } : { port: https?.port ?? 0, host: https?.bind ?? options.bind },
        );
      } catch (error) {
        // Both or none: a proxy that says it could not begin must not go on listening.
        void plain.close();
        throw error;
      }
    },
    get address() {
      return addressOf(plain);
    },
    get httpsAddress() {
      return secure && addressOf(secure);
    },
    tls,
    close: async () => {
      const closed = listeners.map((listener) => listener.close());
      tls?.close();
      http1.close();
      http2.close();
      await Promise.all(closed);
    },
    retire: async () => {
      const closed = listeners.map((listener) => listener.close());
      http1.retire();
      // Its GOAWAY tells clients which of their requests will still be answered.
      http2.close();
      await Promise.all(closed);
    },
    cut: () => {
      for (const { socket } of http1.connections.values()) socket.destroy();
      http2.cut();
    },
  };
};

const createTls = (deps: FrontDeps, https: HttpsOptions, onSecure: (secured: Secured) => void): TlsFront =>
  new TlsFront({
    timeouts: deps.timeouts,
    observe: deps.observe,
    unknownNames: https.unknownNames ?? 'default',
    protocols: https.http2 === false ? ['http/1.1'] : ['h2', 'http/1.1'],
    onSecure,
    now: () => Date.now(),
  });

const count = ({ journal }: FrontDeps, socket: Socket): void => {
  journal.connected();
  socket.once('close', () => journal.disconnected());
};

/** A reset, which no client takes for the end of anything. */
const resetOf = (socket: Socket) => (): void => {
  socket.resetAndDestroy();
};

const addressOf = (listener: Listener): ProxyAddress | undefined => {
  const { address } = listener;
  return address && { host: address.address, port: address.port };
};
