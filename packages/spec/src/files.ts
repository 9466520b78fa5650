import { resolve } from 'node:path';
import { withEnvFiles } from './env-files.ts';
import { sortIssues } from './faults.ts';
import { readInfraTexts } from './infra-files.ts';
import type { InfraReading, Issue } from './model.ts';
import { checkMountSources } from './mount-sources.ts';
import { filesOf, isError } from './parse-infra.ts';
import { createParseThread } from './parse-thread.ts';

import type { SecretValues } from './secret-fill.ts';
import { missingSecretIssues } from './secret-uses.ts';

export { findInfraRoot, type InfraRoot, type InfraRootOptions } from './infra-root.ts';

const thread = createParseThread();

export interface LoadOptions {
  /** Gives the values of secrets that stand in other fields than templates; those it does not have are missing. */
  readonly secrets?: (names: readonly string[]) => Promise<SecretValues>;
}

export type LoadedInfra = InfraReading & {
  /** One issue for every place that needs a secret of these. */
  issuesOfMissing(names: ReadonlySet<string>): readonly Issue[];
};

/**
 * Reads and parses a whole infra root: cluster.toml, services.toml, services/<dir>/service.toml. Faults of the text are
 * issues; only a root that cannot be read at all, or an abort, throws. Nothing on disk is changed.
 */
export async function loadInfra(root: string, signal?: AbortSignal, options: LoadOptions = {}): Promise<LoadedInfra> {
  const absolute = resolve(root);
  const texts = await readInfraTexts(absolute, signal);
  const request = { root: absolute, cluster: texts.cluster, services: texts.services };
  const first = await thread.parse(request);
  const values = first.needed.length === 0 ? undefined : await options.secrets?.(first.needed);
  const parsed = values === undefined ? first : await thread.parse({ ...request, secrets: values });
  signal?.throwIfAborted();
  const mounts = parsed.ok ? await checkMountSources(parsed.value) : [];
  const env = parsed.ok ? await withEnvFiles(parsed.value) : undefined;
  const found = sortIssues([
    ...texts.issues,
    ...(parsed.ok ? parsed.warnings : parsed.issues),
    ...mounts,
    ...(env?.issues ?? []),
  ]);
  const { uses } = parsed;
  const files = filesOf(request);
  const missing = {
    uses,
    needed: parsed.needed,
    issuesOfMissing: (names: ReadonlySet<string>) => missingSecretIssues(uses, names, files),
  };
  if (env === undefined || found.some(isError)) return { ok: false, issues: found, ...missing };
  return { ok: true, value: env.infra, warnings: found, ...missing };
}
