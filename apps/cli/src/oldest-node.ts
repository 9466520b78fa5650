/** The first Node in which a thread tells how much CPU time it took; a config file that takes too long is known by that. */
export const oldestNode = '24.6';

/** Loaded by a Node of any age. */
export const isTooOld = (version: string): boolean => {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = oldestNode.split('.').map(Number);
  return major < oldestMajor || (major === oldestMajor && minor < oldestMinor);
};
