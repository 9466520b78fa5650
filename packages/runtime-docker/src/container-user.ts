import type { ContainerInspectInfo } from 'dockerode';
import { shortMs } from './calls.ts';
import type { Engine } from './engine.ts';
import { RuntimeError } from './errors.ts';

/** More users than any image has, and little enough to be read at once. */
const LARGEST_BYTES = 1 << 20;

/** The number of the user that a container runs as: a name is looked up in its own /etc/passwd. */
export const userIdOf = async (engine: Engine, id: string, info: ContainerInspectInfo): Promise<number> => {
  const [user = ''] = info.Config.User.split(':');
  if (user === '') return 0;
  if (/^\d{1,10}$/.test(user)) return Number(user);
  const passwd = await engine.call('read /etc/passwd of a container', shortMs, async (docker) => {
    const stream = await docker.getContainer(id).getArchive({ path: '/etc/passwd' });
    return firstFile(await bytesOf(stream));
  });
  for (const line of passwd.split('\n')) {
    const [name, , uid = ''] = line.split(':');
    if (name === user && /^\d{1,10}$/.test(uid)) return Number(uid);
  }
  throw new RuntimeError(
    'ORCA_RUNTIME_SECRET_FILES',
    `the image has no user ${user}: say who owns the secret files, { value = "…", uid = 1000 }`,
    { retryable: false },
  );
};

const bytesOf = async (stream: NodeJS.ReadableStream): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > LARGEST_BYTES) break;
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
};

/** Of a tar archive: a header of 512 bytes with the size in octal, then the content. */
const firstFile = (tar: Buffer): string => {
  const size = Number.parseInt(tar.subarray(124, 136).toString('latin1'), 8);
  return Number.isInteger(size) ? tar.subarray(512, 512 + size).toString('utf8') : '';
};
