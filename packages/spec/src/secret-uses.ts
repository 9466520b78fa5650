import { compare, formatPath } from './faults.ts';
import type { Issue, SecretUse, ServiceSpec, SpecFile, Template } from './model.ts';
import { createLocator } from './positions.ts';
import { templateSecrets } from './template.ts';

/** Names of the secrets a service needs, sorted, each once. */
export function secretNames(spec: ServiceSpec): readonly string[] {
  return [...new Set([...templatesOf(spec).flatMap(templateSecrets), ...(spec.filled ?? [])])].toSorted(compare);
}

function templatesOf(spec: ServiceSpec): readonly Template[] {
  const files = (spec.secretFiles ?? []).map(({ value }) => value);
  return [...Object.values(spec.env), ...(spec.entrypoint ?? []), ...(spec.command ?? []), ...files];
}

/**
 * One issue for every place that needs a secret that is not set, where it is written. What is
 * needed by a part of cluster.toml that nothing uses yet is only warned about.
 */
export function missingSecretIssues(
  uses: readonly SecretUse[],
  missing: ReadonlySet<string>,
  files: readonly SpecFile[],
): readonly Issue[] {
  const locators = new Map<string, ReturnType<typeof createLocator>>();
  return uses
    .filter(({ name }) => missing.has(name))
    .map(({ name, service, file, path, isUnused }): Issue => {
      const locate = locators.get(file) ?? createLocator(files.find((f) => f.path === file)?.text ?? '');
      locators.set(file, locate);
      const field = service === undefined ? formatPath(path) : `${service}: ${formatPath(path.slice(2))}`;
      const message = `secret ${name} is not set; run: orca secrets set ${name}`;
      return { severity: isUnused ? 'warning' : 'error', file, ...locate(path), path: field, message };
    });
}
