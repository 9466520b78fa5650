/** SIGKILL, as the engine reports it. */
const killed = 137;

/** An exit code for people. Who was killed had no chance to say why, so the likely reason is named. */
export const exitWords = (code: number | undefined): string =>
  code === killed
    ? `code ${killed} (killed: by hand, or because the machine ran out of memory)`
    : `code ${code ?? 'unknown'}`;

/** What the kernel ended for its memory was at its limit: no other peak is known of a container that is gone. */
export const starvedWords = (memoryLimit: number | undefined): string =>
  memoryLimit === undefined
    ? 'ran out of memory (OOM; the machine has no more)'
    : `ran out of memory (OOM, limit ${Math.round(memoryLimit / 1024 / 1024)} MiB)`;
