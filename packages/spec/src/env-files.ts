import { realpath } from 'node:fs/promises';
import { posix } from 'node:path';
import { parseEnvFile } from './env-file.ts';
import { fileIssue, readLimited } from './infra-files.ts';
import type { Infra, Issue, ServiceSpec, SpecFile, Template } from './model.ts';
import { isInside, isOrcaState } from './mount-policy.ts';

/** Makes what `env_file` names part of `env`, under the entries that are written there. */
export async function withEnvFiles(
  infra: Infra,
): Promise<{ readonly infra: Infra; readonly issues: readonly Issue[] }> {
  const issues: Issue[] = [];
  const services = await Promise.all(
    infra.desired.services.map(async (service) => {
      if (service.envFiles === undefined) return service;
      const read = await Promise.all(service.envFiles.map((path) => readEnvFile(path, service, infra.root)));
      issues.push(...read.flatMap((file) => file.issues));
      return { ...service, env: { ...Object.fromEntries(read.flatMap((file) => file.env)), ...service.env } };
    }),
  );
  return { infra: { ...infra, desired: { ...infra.desired, services } }, issues };
}

interface ReadEnvFile {
  readonly env: readonly (readonly [string, Template])[];
  readonly issues: readonly Issue[];
}

async function readEnvFile(path: string, service: ServiceSpec, root: string): Promise<ReadEnvFile> {
  const found = await findFile(path, root);
  if (typeof found === 'string') {
    const issue = {
      ...fileIssue(service.source.file, found),
      line: service.source.line,
      path: `${service.name}.env_file`,
    };
    return { env: [], issues: [issue] };
  }
  const { values, issues } = parseEnvFile(found);
  return { env: [...values].map(([name, value]) => [name, { parts: [value] }] as const), issues };
}

/** The file, or what is wrong with it. Like a mount it may not leave the infra root, nor may a link. */
async function findFile(path: string, root: string): Promise<SpecFile | string> {
  const whole = posix.resolve(root, path);
  if (!isInside(root, whole) || path.startsWith('~')) return `${path} leaves the infra root`;
  if (isOrcaState(posix.relative(root, whole))) return `${path} is the state of orca itself`;
  try {
    const real = await realpath(whole);
    if (!isInside(await realpath(root), real)) return `${path} is a link that leaves the infra root`;
    const read = await readLimited(real, posix.relative(root, whole));
    return 'file' in read ? read.file : `${path} ${'issue' in read ? read.issue.message : 'does not exist'}`;
  } catch {
    return `${path} does not exist (env_file is relative to the infra root)`;
  }
}
