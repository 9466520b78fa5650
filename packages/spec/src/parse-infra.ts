import { readCluster } from './cluster.ts';
import { readDesiredState } from './desired-state.ts';
import { sortIssues } from './faults.ts';
import type { InfraReading, Issue, SpecFile } from './model.ts';
import type { SecretValues } from './secret-fill.ts';

export interface ParseRequest {
  readonly root: string;
  readonly cluster: SpecFile | undefined;
  readonly services: readonly SpecFile[];
  /** Values of secrets that stand in other fields than templates. */
  readonly secrets?: SecretValues;
}

/** Parses a whole infra root. The file that `onFile` was last told is the one that takes too long. */
export function parseInfra(request: ParseRequest, onFile: (file: SpecFile) => void): InfraReading {
  const { root, services, secrets = new Map() } = request;
  if (request.cluster !== undefined) onFile(request.cluster);
  const { cluster, issues, ...own } = readCluster(request.cluster, secrets);
  const desired = readDesiredState(services, { root, cluster, secrets }, onFile);
  const uses = [...own.uses, ...desired.uses];
  const needed = [...new Set([...own.needed, ...desired.needed])];
  const all = sortIssues([...issues, ...(desired.ok ? desired.warnings : desired.issues)]);
  if (!desired.ok || needed.length > 0 || all.some(isError)) return { ok: false, issues: all, uses, needed };
  return { ok: true, value: { root, cluster, desired: { ...desired.value, uses } }, warnings: all, uses, needed };
}

export const isError = ({ severity }: Issue): boolean => severity === 'error';

/** Every file of a request; its position here is how a file is told apart between threads. */
export function filesOf({ cluster, services }: ParseRequest): readonly SpecFile[] {
  return cluster === undefined ? services : [cluster, ...services];
}
