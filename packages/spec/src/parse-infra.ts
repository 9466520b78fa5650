import { readCluster } from './cluster.ts';
import { readDesiredState } from './desired-state.ts';
import { sortIssues } from './faults.ts';
import type { Infra, Issue, Parsed, SpecFile } from './model.ts';

export interface ParseRequest {
  readonly root: string;
  readonly cluster: SpecFile | undefined;
  readonly services: readonly SpecFile[];
}

/** Parses a whole infra root. The file that `onFile` was last told is the one that takes too long. */
export function parseInfra(request: ParseRequest, onFile: (file: SpecFile) => void): Parsed<Infra> {
  const { root, services } = request;
  if (request.cluster !== undefined) onFile(request.cluster);
  const { cluster, issues } = readCluster(request.cluster);
  const desired = readDesiredState(services, { root, cluster }, onFile);
  const all = sortIssues([...issues, ...(desired.ok ? desired.warnings : desired.issues)]);
  if (!desired.ok || all.some(isError)) return { ok: false, issues: all };
  return { ok: true, value: { root, cluster, desired: desired.value }, warnings: all };
}

export const isError = ({ severity }: Issue): boolean => severity === 'error';

/** Every file of a request; its position here is how a file is told apart between threads. */
export function filesOf({ cluster, services }: ParseRequest): readonly SpecFile[] {
  return cluster === undefined ? services : [cluster, ...services];
}
