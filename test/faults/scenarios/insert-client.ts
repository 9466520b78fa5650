import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

/** One row at a time, for as long as it is told, with a new connection whenever the old one breaks. */
export interface InsertClient {
  /** Rows whose insert was acknowledged, so far. */
  acknowledged(): ReadonlySet<number>;
  connections(): number;
  /** Waits until the client has ended. */
  stop(): Promise<void>;
}

/**
 * Inserts 1, 2, 3 … into the table `rows` through psql in a container that is there for it. A row whose connection
 * broke before the answer is not tried again: it may be there or not, and counts as not acknowledged.
 */
export const insertClient = (container: string, host: string): InsertClient => {
  const acknowledged = new Set<number>();
  let [next, connections, isOver] = [1, 0, false];

  /** One session, to its end; the next row goes out when the last one's answer came in. */
  const session = (): Promise<void> =>
    new Promise((done) => {
      const psql = ['psql', '-h', host, '-U', 'postgres', '-qAt', '-v', 'ON_ERROR_STOP=1'];
      const child = spawn('docker', ['exec', '-i', '-e', 'PGCONNECT_TIMEOUT=2', container, ...psql], {
        stdio: ['pipe', 'pipe', 'ignore'],
      });
      const insert = (): void => {
        child.stdin.write(`insert into rows values (${next}) returning n;\n`);
        next += 1;
      };
      let rest = '';
      child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
        const lines = `${rest}${chunk}`.split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) acknowledged.add(Number(line));
        if (isOver) child.stdin.end();
        else if (lines.length > 0) insert();
      });
      // The session may end while a row is on its way to it.
      child.stdin.on('error', () => {});
      child.on('error', () => done());
      child.on('close', () => done());
      insert();
    });
  const loop = async (): Promise<void> => {
    while (!isOver) {
      connections += 1;
      await session();
      await sleep(100);
    }
  };
  const looping = loop();
  return {
    acknowledged: () => acknowledged,
    connections: () => connections,
    async stop() {
      isOver = true;
      await looping;
    },
  };
};
