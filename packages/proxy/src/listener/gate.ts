import type { Socket } from 'node:net';
import { clientKey } from '../address.ts';
import type { Observer } from '../events.ts';
import type { ProxyLimits } from '../settings.ts';

/** How often refused connections are told of at most; a flood must not become one of log lines. */
const tellEveryMs = 1_000;

type Limits = Pick<ProxyLimits, 'connections' | 'connectionsPerAddress'>;

/** Counts open connections, all and by client, and refuses those beyond the limits. */
export class Gate {
  readonly #limits: () => Limits;
  readonly #observe: Observer;
  readonly #perClient = new Map<string, number>();
  #open = 0;
  #refused = 0;
  #telling: NodeJS.Timeout | undefined;

  constructor(limits: () => Limits, observe: Observer) {
    this.#limits = limits;
    this.#observe = observe;
  }

  /** Whether there is room for one more at all; if so, it counts until its socket closes. */
  admit(socket: Socket): boolean {
    if (this.#open >= this.#limits().connections) return this.#refuse(socket, 'all');
    this.#open += 1;
    socket.once('close', () => {
      this.#open -= 1;
    });
    return true;
  }

  /** Whether there is room for one more of this client, whose address is known only now. */
  admitFrom(socket: Socket, address: string): boolean {
    const client = clientKey(address);
    const count = this.#perClient.get(client) ?? 0;
    if (count >= this.#limits().connectionsPerAddress) return this.#refuse(socket, 'address', address);
    this.#perClient.set(client, count + 1);
    socket.once('close', () => {
      const left = (this.#perClient.get(client) ?? 0) - 1;
      if (left > 0) this.#perClient.set(client, left);
      else this.#perClient.delete(client);
    });
    return true;
  }

  #refuse(socket: Socket, limit: 'all' | 'address', address = ''): false {
    // A reset: nothing lingers here for a client that gets nothing.
    socket.resetAndDestroy();
    this.#refused += 1;
    if (this.#telling !== undefined) return false;
    const tell = (): void => {
      if (this.#refused > 0) this.#observe({ kind: 'connections-refused', limit, address, count: this.#refused });
      this.#refused = 0;
    };
    tell();
    this.#telling = setTimeout(() => {
      this.#telling = undefined;
      tell();
    }, tellEveryMs).unref();
    return false;
  }
}
