import { membersOf } from './calls.ts';
import { parseAddress, type ListenAddress } from './config.ts';
import type { WorkerReport } from './pool.ts';

/** How the proxy's processes are. */
export interface ProxyStatus {
  /** Of the supervisor. */
  readonly pid: number;
  readonly build: string;
  /** Undefined while it serves nothing. */
  readonly http: ListenAddress | undefined;
  readonly https: ListenAddress | undefined;
  /** A control plane is connected. */
  readonly isControlled: boolean;
  readonly routes: number;
  readonly workers: readonly WorkerReport[];
}

export const readStatus = (value: unknown): ProxyStatus => {
  const { pid, build, http, https, isControlled, routes, workers } = membersOf(value);
  return {
    pid: Number(pid),
    build: String(build),
    http: http === null ? undefined : parseAddress(http),
    https: https === null ? undefined : parseAddress(https),
    isControlled: isControlled === true,
    routes: Number(routes),
    workers: (Array.isArray(workers) ? workers : []).map((worker) => {
      const { pid: workerPid, isServing, residentBytes } = membersOf(worker);
      return { pid: Number(workerPid), isServing: isServing === true, residentBytes: Number(residentBytes) };
    }),
  };
};
