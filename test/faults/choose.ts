import { random } from './random.ts';

/** All of them, or so many spread over all by the seed. */
export const choose = <T>(all: readonly T[], count: number, seed: number): readonly T[] => {
  if (count >= all.length) return all;
  const next = random(seed);
  const width = all.length / count;
  return Array.from({ length: count }, (_, index) => all[Math.floor((index + next()) * width)]).filter(
    (item) => item !== undefined,
  );
};
