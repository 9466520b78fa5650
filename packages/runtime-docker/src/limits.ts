import type { ServiceSpec } from '@orca/spec';

/** What the engine has to enforce for a container, as it was created; written into a label, read back to find drift. */
export interface Limits {
  readonly memory: number;
  readonly nanoCpus: number;
}

export const limitsOf = ({ resources }: ServiceSpec): Limits => ({
  memory: resources.memoryBytes ?? 0,
  nanoCpus: Math.round((resources.cpus ?? 0) * 1e9),
});

export const encodeLimits = ({ memory, nanoCpus }: Limits): string => `${memory},${nanoCpus}`;

/** `undefined` for a container that was made before limits were written down. */
export const decodeLimits = (text: string | undefined): Limits | undefined => {
  const [memory, nanoCpus] = (text ?? '').split(',').map(Number);
  return Number.isSafeInteger(memory) && Number.isSafeInteger(nanoCpus)
    ? { memory: memory ?? 0, nanoCpus: nanoCpus ?? 0 }
    : undefined;
};
