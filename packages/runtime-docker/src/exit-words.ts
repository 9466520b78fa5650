/** SIGKILL, as the engine reports it. */
const killed = 137;

/** An exit code for people. Who was killed had no chance to say why, so the likely reason is named. */
export const exitWords = (code: number | undefined): string =>
  code === killed
    ? `code ${killed} (killed: by hand, or because the machine ran out of memory)`
    : `code ${code ?? 'unknown'}`;
