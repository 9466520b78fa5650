import { realpath } from 'node:fs/promises';
import { fileIssue } from './infra-files.ts';
import type { BindMount, Infra, Issue, ServiceSpec } from './model.ts';
import { absoluteMountFault, isInside } from './mount-policy.ts';

/** What the text could not show: whether a mount source exists, and where its symbolic links lead. */
export async function checkMountSources(infra: Infra): Promise<readonly Issue[]> {
  const places: Places = {
    root: infra.root,
    realRoot: await realpath(infra.root),
    allowMounts: await Promise.all(infra.cluster.security.allowMounts.map(realOrSame)),
  };
  const issues: Issue[] = [];
  for (const service of infra.desired.services) {
    for (const mount of service.mounts) {
      const fault = await sourceFault(mount, places);
      if (fault !== undefined) issues.push(mountIssue(service, mount, fault));
    }
  }
  return issues;
}

interface Places {
  readonly root: string;
  readonly realRoot: string;
  readonly allowMounts: readonly string[];
}

async function sourceFault({ source }: BindMount, places: Places): Promise<string | undefined> {
  const isOurs = isInside(places.root, source);
  const real = await realpath(source).catch(() => undefined);
  // A directory elsewhere may be made later, by the engine or by a mount of the host.
  if (real === undefined) return isOurs ? `${source} does not exist` : undefined;
  if (real === source || (isOurs && isInside(places.realRoot, real))) return undefined;
  const fault = absoluteMountFault(real, places.allowMounts);
  return fault === undefined ? undefined : `${source} is a link to ${real}, and ${fault}`;
}

function mountIssue({ name, source }: ServiceSpec, mount: BindMount, fault: string): Issue {
  return { ...fileIssue(source.file, fault), line: source.line, path: `${name}.mounts[${mount.target}]` };
}

async function realOrSame(path: string): Promise<string> {
  return await realpath(path).catch(() => path);
}
