/** Where the proxy's own processes tell what happens to them; never of single requests. */
export interface Log {
  info(message: string, details?: object): void;
  error(message: string, details?: object): void;
}

/** JSON lines, for a file. */
export const lineLog = (write: (line: string) => void, now: () => Date): Log => {
  const say =
    (level: string) =>
    (message: string, details: object = {}): void =>
      write(`${JSON.stringify({ level, time: now().toISOString(), msg: message, ...details })}\n`);
  return { info: say('info'), error: say('error') };
};
