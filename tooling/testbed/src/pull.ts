import type { Docker } from './docker.ts';
import type { Log } from './log.ts';

/** A registry that has not said a word by then is taken as unreachable. */
const firstWordMs = 3000;
const wholePullMs = 300_000;

export interface Puller {
  /** Whether the image is now present. A registry that did not answer is not asked again. */
  pull(image: string): Promise<boolean>;
}

export function createPuller(docker: Docker, log: Log): Puller {
  const silentRegistries = new Set<string>();
  return {
    async pull(image) {
      const registry = registryOf(image);
      if (silentRegistries.has(registry)) return false;
      log(`${image}: asking its registry`);
      const { pulled, answered } = await attempt(docker, image);
      if (!answered) silentRegistries.add(registry);
      if (!pulled) log(`${image}: ${answered ? 'could not be pulled' : 'its registry does not answer'}`);
      return pulled;
    },
  };
}

async function attempt(docker: Docker, image: string): Promise<{ pulled: boolean; answered: boolean }> {
  const hangUp = new AbortController();
  const timer = setTimeout(() => hangUp.abort(), firstWordMs);
  let answered = false;
  const onStdout = (): void => {
    answered = true;
    clearTimeout(timer);
  };
  const { code } = await docker.run(['pull', image], { signal: hangUp.signal, timeoutMs: wholePullMs, onStdout });
  clearTimeout(timer);
  return { pulled: code === 0, answered };
}

/** The part of an image's name that says where it comes from; the engine's default registry has none. */
export function registryOf(image: string): string {
  const first = image.split('/')[0] ?? '';
  return image.includes('/') && /[.:]|^localhost$/.test(first) ? first : '';
}
