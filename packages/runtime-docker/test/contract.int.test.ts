import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { runtimeContract, type ContractWorld } from '@orca/reconcile/testing';
import { createDockerRuntime } from '@orca/runtime-docker';
import type { ServiceSpec } from '@orca/spec';
import { createDocker, ensureImages } from '@orca/tooling-testbed';
import { aSpec, noSecrets } from './a-spec.ts';

const engine = createDocker();
const clusters: string[] = [];

/** Each case has a cluster of its own, so that it sees nothing of the others. */
const make = async (): Promise<ContractWorld<ServiceSpec>> => {
  const cluster = `orca-contract-${clusters.length}`;
  clusters.push(cluster);
  const runtime = createDockerRuntime({ cluster, env: noSecrets });
  const idOf = async (key: string): Promise<string> =>
    (
      await engine.output([
        'ps',
        '-aq',
        '--filter',
        `label=orca.cluster=${cluster}`,
        '--filter',
        `label=orca.key=${key}`,
      ])
    ).trim();
  return {
    runtime,
    specOf: (name, dependsOn) =>
      aSpec(name, `command = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"]`, { dependsOn }),
    kill: async (key) => {
      // Without its restart policy: an engine that revives it at once would hide what is to be seen.
      const id = await idOf(key);
      await engine.output(['update', '--restart', 'no', id]);
      await engine.output(['kill', id]);
    },
    disturb: async (key) => {
      await engine.output(['rename', await idOf(key), `somebody-${cluster}`]);
    },
    dispose: async () => {
      const ids = (await engine.output(['ps', '-aq', '--filter', `label=orca.cluster=${cluster}`])).split('\n');
      for (const id of ids.filter((line) => line !== '')) await engine.output(['rm', '-f', id]);
    },
  };
};

describe('the Docker runtime', () => {
  beforeAll(() => ensureImages(['busybox:1.36']));
  afterAll(async () => {
    for (const cluster of clusters) {
      const ids = (await engine.output(['network', 'ls', '-q', '--filter', `label=orca.cluster=${cluster}`])).split(
        '\n',
      );
      for (const id of ids.filter((line) => line !== '')) await engine.output(['network', 'rm', id]);
    }
  });
  for (const { name, run } of runtimeContract(make)) it(name, run);
});
