import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** What the closing line of a run says. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

const countLine = /^tests: (\d+) passed, (\d+) failed, (\d+) skipped$/;
/** A run that takes this long hangs. */
const deadlineMs = 30 * 60_000;

/**
 * Runs jest with its output shown as it comes, except for its count, which is returned:
 * whatever jest says after it, the caller can still make it the last line.
 */
export async function runJest(args: readonly string[]): Promise<Counts> {
  const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
  const child = spawn(process.execPath, [...flags, 'node_modules/jest/bin/jest.js', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: deadlineMs,
  });
  const end = (): void => void child.kill('SIGTERM');
  process.once('SIGTERM', end);
  const exited = new Promise<number>((resolve) => {
    child.once('error', () => resolve(127));
    child.once('close', (code) => resolve(code ?? 128));
  });
  let counts: Counts | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    const found = parseCounts(line);
    if (found === undefined) console.log(line);
    else counts = found;
  }
  const code = await exited;
  process.off('SIGTERM', end);
  return settle(counts, code);
}

export function parseCounts(line: string): Counts | undefined {
  const [passed, failed, skipped] = (countLine.exec(line) ?? []).slice(1).map(Number);
  return passed === undefined || failed === undefined || skipped === undefined
    ? undefined
    : { passed, failed, skipped };
}

export function formatCounts(counts: Counts): string {
  return `tests: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`;
}

/** No run that ended badly, or without a count, may read as a success. */
export function settle(counts: Counts | undefined, exitCode: number): Counts {
  const { passed, failed, skipped } = counts ?? { passed: 0, failed: 1, skipped: 0 };
  return { passed, skipped, failed: exitCode === 0 ? failed : Math.max(failed, 1) };
}
