import { join } from 'node:path';

/** The files of a supervisor, in one directory that only their owner may enter. */
export interface Place {
  readonly dir: string;
  readonly socketPath: string;
  readonly ownerPath: string;
  readonly keptPath: string;
  readonly logPath: string;
}

export const placeIn = (dir: string): Place => ({
  dir,
  socketPath: join(dir, 'proxy.sock'),
  ownerPath: join(dir, 'proxy.pid'),
  keptPath: join(dir, 'proxy.json'),
  logPath: join(dir, 'proxy.log'),
});
