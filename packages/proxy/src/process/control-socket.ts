import { chmodSync, renameSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { createCalls, type Calls, type Handlers } from './calls.ts';
import { socketLine } from './line.ts';

/** The one who may change what is served, anybody who only asks, or a worker of a supervisor that died. */
export type Role = 'controller' | 'visitor' | 'elder';

/** Somebody who is connected; without a role until they have said hello. */
export interface Session {
  role: Role | undefined;
  epoch: number;
  readonly calls: Calls;
}

export interface ControlSocketOptions {
  readonly path: string;
  readonly handlersFor: (session: () => Session) => Handlers;
  readonly onFault: (reason: string) => void;
}

export interface ControlSocket {
  readonly sessions: ReadonlySet<Session>;
  /** Takes no more connections; those that are open stay. */
  refuse(): void;
  close(): void;
}

const helloWithinMs = 5_000;
/** Of those who ask and control. Workers of a supervisor that died may be more, and must not lock them out. */
const maxSessions = 32;

/**
 * Listens for whoever may enter the socket's directory, which is its owner only. The path is
 * taken in one step from whoever had it before: nobody finds nothing there meanwhile.
 */
export const openControlSocket = async (o: ControlSocketOptions): Promise<ControlSocket> => {
  const sessions = new Set<Session>();
  const server = createServer((socket) => {
    if ([...sessions].filter(({ role }) => role !== 'elder').length >= maxSessions) socket.destroy();
    else welcome(socket, o, sessions);
  });
  const mine = `${o.path}.${process.pid}`;
  rmSync(mine, { force: true });
  await listen(server, mine);
  chmodSync(mine, 0o600);
  renameSync(mine, o.path);
  server.on('error', (error) => o.onFault(String(error)));
  return {
    sessions,
    // Node would take the path away, which may be an heir's by now; it has another name, so it does not.
    refuse: () => void server.close(),
    close: () => {
      server.close();
      for (const { calls } of sessions) calls.end();
    },
  };
};

const listen = async (server: Server, path: string): Promise<void> => {
  server.listen(path);
  await once(server, 'listening');
};

const welcome = (socket: Socket, o: ControlSocketOptions, sessions: Set<Session>): void => {
  const line = socketLine(socket, (reason) => o.onFault(`a connection is ended: ${reason}`));
  const session: Session = {
    role: undefined,
    epoch: 0,
    calls: createCalls(
      line,
      o.handlersFor(() => session),
    ),
  };
  sessions.add(session);
  const silent = setTimeout(() => {
    if (session.role === undefined) line.end();
  }, helloWithinMs);
  void line.ended.then(() => {
    clearTimeout(silent);
    sessions.delete(session);
  });
};
