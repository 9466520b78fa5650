import Docker from 'dockerode';

/** The least an orchestrator must ask of the engine for this: create and start, nothing else. */
export interface FloorOptions {
  readonly image: string;
  readonly command: readonly string[];
  readonly count: number;
  readonly parallel: number;
}

const prefix = 'orca-floor';

/** Milliseconds for one network and `count` containers, `parallel` at once, straight through the engine's API. */
export const measureFloor = async (options: FloorOptions): Promise<number> => {
  const docker = new Docker();
  const begun = performance.now();
  await docker.createNetwork({ Name: prefix, Driver: 'bridge' });
  const names = Array.from({ length: options.count }, (_, i) => `${prefix}-${i + 1}`);
  await Promise.all(
    Array.from({ length: options.parallel }, async () => {
      for (let name = names.shift(); name !== undefined; name = names.shift()) {
        const container = await docker.createContainer({
          name,
          Image: options.image,
          Cmd: [...options.command],
          Labels: { [prefix]: 'true' },
          HostConfig: {
            NetworkMode: prefix,
            RestartPolicy: { Name: 'always' },
            LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } },
          },
        });
        await container.start();
      }
    }),
  );
  return performance.now() - begun;
};

export const clearFloor = async (): Promise<void> => {
  const docker = new Docker();
  const containers = await docker.listContainers({ all: true, filters: { label: [prefix] } });
  await Promise.all(containers.map(({ Id }) => docker.getContainer(Id).remove({ force: true })));
  // By id: two networks can carry one name, and an interrupted run may have left one.
  const networks = await docker.listNetworks({ filters: { name: [prefix] } });
  await Promise.all(networks.filter((n) => n.Name === prefix).map(({ Id }) => docker.getNetwork(Id).remove()));
};
