import type { ContainerInspectInfo } from 'dockerode';
import { userIdOf } from './container-user.ts';
import type { EnvSource } from './docker-runtime.ts';
import type { Engine } from './engine.ts';
import { RuntimeError } from './errors.ts';
import type { SecretFiles } from './secret-files.ts';
import type { Seen } from './seen.ts';

/**
 * Sees to it that a container's secret files are there, and are its user's, before it starts.
 * After a restart of the machine they are gone: the engine cannot start it on its own then.
 */
export const bringFiles = async (
  {
    secretFiles,
    env,
    engine,
    info,
  }: { secretFiles: SecretFiles; env: EnvSource; engine: Engine; info: ContainerInspectInfo },
  seen: Seen,
): Promise<void> => {
  if (!secretFiles.isMounted(info)) return;
  const files = await env.filesOf?.(seen.service, seen.revision);
  if (files !== undefined) {
    await secretFiles.place(seen.key, files);
    if (files.some(({ uid }) => uid === undefined))
      await secretFiles.own(seen.key, files, await userIdOf(engine, seen.id, info));
  }
  if ((await secretFiles.missing(info)).length === 0) return;
  throw new RuntimeError(
    'ORCA_RUNTIME_SECRET_FILES',
    `${seen.service}: its secret files are gone, and what was in them is not known any more; deploy it again`,
    { retryable: true },
  );
};
