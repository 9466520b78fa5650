/** What a run of many cases came to. */
export interface Findings {
  readonly cases: number;
  /** Cases in which both sides took a message for good, and for the same one. */
  readonly agreed: number;
  /** Cases that both sides refused. */
  readonly refused: number;
  /** Cases that llhttp takes and we do not: allowed. */
  readonly stricter: number;
  /** Cases that get through although llhttp refuses them, or as something else than llhttp reads. */
  readonly disagreements: readonly Finding[];
  readonly crashes: readonly Finding[];
}

export interface Finding {
  /** With the seed, enough to have the case again. */
  readonly index: number;
  readonly bytes: string;
  readonly why: string;
}

export const formatFindings = (what: string, seed: number, found: Findings): string => {
  const { cases, agreed, refused, stricter, disagreements, crashes } = found;
  const shown = [...crashes, ...disagreements].slice(0, 10);
  return [
    `${what}: ${cases} cases, seed ${seed}: ${agreed} read the same, ${refused} refused by both, ${stricter} refused by us alone, ` +
      `${disagreements.length} disagreements, ${crashes.length} crashes`,
    ...shown.map(({ index, bytes, why }) => `  case ${index}: ${why}\n    ${JSON.stringify(bytes)}`),
  ].join('\n');
};
