import { compare, type Place } from './faults.ts';
import type { SecretFile, Template } from './model.ts';
import { containerPath } from './mounts.ts';
import { integer, template } from './read.ts';
import { optional, readTable, required, type Read } from './table.ts';
import { isTable, type TomlTable } from './toml.ts';

/** Where Docker and Compose put them, and where images look first. */
const DIRECTORY = '/run/secrets';

/**
 * `[service.secret_files]`: a plain name is a file in `/run/secrets`, an absolute path stands
 * for itself. The value is a template, or a table that names an owner as well.
 */
export const secretFiles: Read<readonly SecretFile[]> = (value, at) => {
  if (!isTable(value)) return at.error('must be a table: write [service.secret_files]');
  const files = Object.entries(value).flatMap(([name, written]): SecretFile[] => {
    const place = at.at(name);
    const target = targetOf(name, place);
    const read = isTable(written) ? withOwner(written, place) : { value: template(written, place), uid: undefined };
    return target === undefined || read.value === undefined ? [] : [{ target, value: read.value, uid: read.uid }];
  });
  return files.length === 0 ? undefined : files.toSorted((a, b) => compare(a.target, b.target));
};

const targetOf = (name: string, at: Place): string | undefined => {
  if (name.startsWith('/')) return containerPath(name, at);
  if (/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/.test(name)) return `${DIRECTORY}/${name}`;
  return at.error(`is neither the name of a file in ${DIRECTORY} nor an absolute path`);
};

const FILE = {
  title: '[service.secret_files]',
  keys: { value: required(template), uid: optional(integer(0, 4_294_967_294)) },
};

interface Owned {
  readonly value: Template | undefined;
  readonly uid: number | undefined;
}

const withOwner = (value: TomlTable, at: Place): Owned => readTable(FILE, value, at);
