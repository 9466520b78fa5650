import { createHash } from 'node:crypto';
import { compare } from './faults.ts';
import { impactOf } from './impact.ts';
import type { ServiceSpec } from './model.ts';

/** What the text cannot show: a moved tag, a rotated secret, an asked-for redeploy. */
export interface RevisionInputs {
  /** Content identity of the image that `image` stands for now. */
  readonly imageId: string;
  /** Keyed digests, by secret name; never a bare hash, because a revision can be read by others. */
  readonly secretDigests: Readonly<Record<string, string>>;
  readonly generation: number;
}

/**
 * Identity of what an instance is made of: the fields that need a new container when they change, and the inputs.
 * `h1:` is the version of this very calculation, so that a later one can recognise revisions of an earlier one.
 */
export function revisionOf(spec: ServiceSpec, inputs: RevisionInputs): string {
  const fields = Object.entries(spec)
    .filter(([name]) => recreateFields.has(name))
    .map(([name, value]: [string, unknown]) => [name, SETS.has(name) ? inFixedOrder(value) : value] as const);
  const canonical = canonicalJson({ spec: Object.fromEntries(fields), inputs });
  return `h1:${createHash('sha256').update(canonical).digest('hex').slice(0, 32)}`;
}

const recreateFields: ReadonlySet<string> = new Set(
  Object.entries(impactOf).flatMap(([name, impact]) => (impact === 'recreate' ? [name] : [])),
);

/** Fields whose order means nothing. All others, `command` and template parts, keep theirs. */
const SETS: ReadonlySet<string> = new Set(['aliases', 'devices', 'mounts', 'publishedPorts', 'tmpfs', 'volumes']);

function inFixedOrder(value: unknown): unknown {
  return Array.isArray(value) ? value.toSorted((a, b) => compare(canonicalJson(a), canonicalJson(b))) : value;
}

/** JSON with sorted keys and without absent ones. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item: unknown) => canonicalJson(item)).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .toSorted(([a], [b]) => compare(a, b))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`);
  return `{${members.join(',')}}`;
}
