import { readFileSync, readdirSync } from 'node:fs';

/** Ticks a second in /proc; the kernel's interface to programs has it fixed at 100. */
const ticksPerSecond = 100;

/** Seconds of CPU, user and system, that a process and its children have used so far. */
export const cpuSeconds = (pid: number): number =>
  treeOf(pid).reduce((sum, each) => {
    const fields = statOf(each);
    return sum + (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / ticksPerSecond;
  }, 0);

/** Resident memory of a process and its children, in MiB. */
export const residentMiB = (pid: number): number =>
  treeOf(pid).reduce((sum, each) => {
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readOr(`/proc/${each}/status`))?.[1];
    return sum + Number(kib ?? 0) / 1024;
  }, 0);

const treeOf = (pid: number): readonly number[] => {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const parent = Number(statOf(Number(name))[1]);
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const found = [pid];
  for (const each of found) found.push(...(children.get(each) ?? []));
  return found;
};

/** The fields behind the name, which may itself hold blanks and parentheses. */
const statOf = (pid: number): readonly string[] =>
  readOr(`/proc/${pid}/stat`)
    .replace(/^.*\) /s, '')
    .split(' ');

/** A process may end at any time. */
const readOr = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};
