import { describe, it } from '@jest/globals';
import type { Plannable } from '@orca/reconcile';
import { MemoryWorld, runtimeContract, type ContractWorld } from '@orca/reconcile/testing';

const make = async (): Promise<ContractWorld<Plannable>> => {
  const world = new MemoryWorld();
  return {
    runtime: world.runtime(),
    specOf: (name, dependsOn) => ({ name, replicas: 1, dependsOn }),
    kill: async (key) => world.die(key),
    disturb: async (key) => world.disturb(key, 'was touched'),
    dispose: async () => undefined,
  };
};

describe('the memory runtime', () => {
  for (const { name, run } of runtimeContract(make)) it(name, run);
});
