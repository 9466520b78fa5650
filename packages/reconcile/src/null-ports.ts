import type { Plannable } from './model.ts';
import type { Prober, Router } from './ports.ts';

/** For a caller whose instances are asked by nobody: desired services then say `isRouted: false`. */
export const noRouter = <S extends Plannable>(): Router<S> => ({
  routed: () => new Set(),
  route: () => Promise.resolve(),
  drain: () => Promise.resolve(),
});

/** For instances that are ready as soon as they run. */
export const readyAtOnce = <S extends Plannable>(): Prober<S> => ({ awaitReady: () => Promise.resolve() });
