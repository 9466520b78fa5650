/** What a server's `Keep-Alive: timeout=` hint may stretch an idle connection to. */
const longestMs = 60_000;
/** Between our closing and the server's: a request on its way, a busy moment, a clock that rounds. */
const marginMs = 1_000;

/**
 * How long a connection may wait for its next request. A server that says when it closes is
 * believed, less a margin; where the margin is all there is, half of the time. 0: not at all.
 */
export const idleMsOf = (hintMs: number | undefined, defaultMs: number): number => {
  if (hintMs === undefined) return defaultMs;
  return Math.min(longestMs, Math.max(hintMs - marginMs, Math.min(hintMs / 2, defaultMs)));
};
