import { shortMs } from './calls.ts';
import type { Engine } from './engine.ts';

/** What the machine has that the engine runs on, which may not be this one. */
export interface Machine {
  /** Bytes. */
  readonly memory: number;
  readonly cpus: number;
  /** Where the engine keeps images and containers, as it sees it. */
  readonly dataDirectory: string;
}

/** Asks once, when it is first needed; a failed question is asked again. */
export const machineOf = (engine: Engine): (() => Promise<Machine>) => {
  let known: Promise<Machine> | undefined;
  const ask = async (): Promise<Machine> => {
    const info: unknown = await engine.call('info', shortMs, (docker) => docker.info());
    const read = (name: string): number => {
      const value: unknown = typeof info === 'object' && info !== null ? Reflect.get(info, name) : undefined;
      return typeof value === 'number' ? value : 0;
    };
    const directory: unknown =
      typeof info === 'object' && info !== null ? Reflect.get(info, 'DockerRootDir') : undefined;
    return { memory: read('MemTotal'), cpus: read('NCPU'), dataDirectory: String(directory) };
  };
  return () => {
    known ??= ask().catch((error: unknown) => {
      known = undefined;
      throw error;
    });
    return known;
  };
};
