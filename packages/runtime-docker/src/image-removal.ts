import { engineMessage, statusOf, type Engine } from './engine.ts';
import { shortMs, type Calls } from './calls.ts';

/** Removing layers is slow on a slow disk. */
const removeMs = 120_000;

/** Ids of the images that any container on this machine was made from, ours or not, running or not. */
export const imagesInUse = async (engine: Engine): Promise<ReadonlySet<string>> => {
  const containers = await engine.call('list containers', shortMs, (docker) => docker.listContainers({ all: true }));
  return new Set(containers.map(({ ImageID }) => ImageID));
};

/**
 * Removes one image, never by force. `kept` when somebody else has a hold on it: a container,
 * a second tag, an image built on it. Absent counts as removed.
 */
export const removeImage = async (calls: Calls, id: string): Promise<'removed' | 'kept'> => {
  try {
    await calls.change(`remove image ${id}`, removeMs, (docker) => docker.getImage(id).remove(), { fine: [404] });
    return 'removed';
  } catch (error) {
    if (statusOf(error) === 409 && /conflict|in use|referenced|dependent/i.test(engineMessage(error))) return 'kept';
    throw error;
  }
};
