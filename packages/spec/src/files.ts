import { resolve } from 'node:path';
import { withEnvFiles } from './env-files.ts';
import { sortIssues } from './faults.ts';
import { readInfraTexts } from './infra-files.ts';
import type { Infra, Parsed } from './model.ts';
import { checkMountSources } from './mount-sources.ts';
import { isError } from './parse-infra.ts';
import { createParseThread } from './parse-thread.ts';

export { findInfraRoot, type InfraRoot, type InfraRootOptions } from './infra-root.ts';

const thread = createParseThread();

/**
 * Reads and parses a whole infra root: cluster.toml, services.toml, services/<dir>/service.toml. Faults of the text are
 * issues; only a root that cannot be read at all, or an abort, throws. Nothing on disk is changed.
 */
export async function loadInfra(root: string, signal?: AbortSignal): Promise<Parsed<Infra>> {
  const absolute = resolve(root);
  const texts = await readInfraTexts(absolute, signal);
  const parsed = await thread.parse({ root: absolute, cluster: texts.cluster, services: texts.services });
  signal?.throwIfAborted();
  const mounts = parsed.ok ? await checkMountSources(parsed.value) : [];
  const env = parsed.ok ? await withEnvFiles(parsed.value) : undefined;
  const found = sortIssues([
    ...texts.issues,
    ...(parsed.ok ? parsed.warnings : parsed.issues),
    ...mounts,
    ...(env?.issues ?? []),
  ]);
  if (env === undefined || found.some(isError)) return { ok: false, issues: found };
  return { ok: true, value: env.infra, warnings: found };
}
