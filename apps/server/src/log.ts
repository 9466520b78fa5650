import { existsSync, renameSync, statSync } from 'node:fs';
import { destination, multistream, pino, type Logger } from 'pino';
import pretty from 'pino-pretty';

/** Past this size the log of earlier starts moves to `.log.1`. */
const rotateAtBytes = 10 * 1024 * 1024;

export interface LogOptions {
  readonly path: string;
  readonly level: string;
  readonly terminal: NodeJS.WriteStream;
  /** Takes secret values out of every line. */
  readonly redact: (text: string) => string;
}

/** JSON lines in the file, people's lines on the terminal. */
export const openLog = ({ path, level, terminal, redact }: LogOptions): Logger => {
  if (existsSync(path) && statSync(path).size > rotateAtBytes) renameSync(path, `${path}.1`);
  const file = destination({ dest: path, append: true, mode: 0o600, sync: true });
  const human = pretty({
    colorize: terminal.isTTY && process.env['NO_COLOR'] === undefined,
    ignore: 'pid,hostname',
    translateTime: 'SYS:HH:MM:ss',
    destination: terminal,
    sync: true,
    singleLine: true,
  });
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, hooks: { streamWrite: redact } },
    multistream([
      { level: 'trace', stream: file },
      { level: 'trace', stream: human },
    ]),
  );
};
