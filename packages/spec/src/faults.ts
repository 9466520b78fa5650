import type { Issue, SpecFile } from './model.ts';
import { createLocator, type Path } from './positions.ts';

/** A fault that still knows its place as a path; lines and columns are looked up once, at the end. */
export interface Fault {
  readonly severity: Issue['severity'];
  readonly path: Path;
  readonly message: string;
}

/** Where reading is in one file, and the way to report a fault there. Reporting never stops the reading. */
export interface Place {
  readonly path: Path;
  /** Gives the `undefined` that stands for "nothing could be read". */
  error(message: string): undefined;
  warn(message: string): void;
  at(...segments: Path): Place;
}

export function createPlace(faults: Fault[], path: Path = []): Place {
  return {
    path,
    error: (message) => {
      faults.push({ severity: 'error', path, message });
      return undefined;
    },
    warn: (message) => {
      faults.push({ severity: 'warning', path, message });
    },
    at: (...segments) => createPlace(faults, [...path, ...segments]),
  };
}

/** A file that is wrong this often is not a config file; more would only hide the other files' faults. */
const MAX_ISSUES = 100;

export function issuesOf(file: SpecFile, faults: readonly Fault[]): readonly Issue[] {
  if (faults.length === 0) return [];
  const locate = createLocator(file.text);
  // Errors first, so that the cut never turns a wrong file into a right one.
  const ranked = faults.toSorted((a, b) => compare(a.severity, b.severity));
  const issues = ranked.slice(0, MAX_ISSUES).map(({ severity, path, message }): Issue => {
    return { severity, file: file.path, ...locate(path), path: formatPath(path), message };
  });
  const [cut] = ranked.slice(MAX_ISSUES);
  if (cut === undefined) return issues;
  const message = `and ${faults.length - MAX_ISSUES} more faults in this file`;
  const line = file.text.split('\n').length;
  return [...issues, { severity: cut.severity, file: file.path, line, col: 1, path: '', message }];
}

export function formatPath(path: Path): string {
  return path.reduce<string>((text, segment) => {
    if (typeof segment === 'number') return `${text}[${segment}]`;
    const name = /^[A-Za-z0-9_-]+$/.test(segment) ? segment : JSON.stringify(segment);
    return text === '' ? name : `${text}.${name}`;
  }, '');
}

/** Errors make the whole text unusable; warnings travel with the value. Sorted, so that the order of files never shows. */
export function sortIssues(issues: readonly Issue[]): readonly Issue[] {
  return issues.toSorted(
    (a, b) => compare(a.file, b.file) || a.line - b.line || a.col - b.col || compare(a.message, b.message),
  );
}

/** One line for people: `services/web/service.toml:3:1: service[0].depend_on: unknown key …`. */
export function formatIssue(issue: Issue): string {
  const path = issue.path === '' ? '' : `${issue.path}: `;
  return `${issue.file}:${issue.line}:${issue.col}: ${path}${issue.message}`;
}

export const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b));
