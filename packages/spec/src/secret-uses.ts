import { compare } from './faults.ts';
import type { ServiceName, ServiceSpec } from './model.ts';
import { templateSecrets } from './template.ts';

/** One place that needs a secret: enough to tell its user where to look. */
export interface SecretUse {
  readonly name: string;
  readonly service: ServiceName;
  /** `env.KC_DB_PASSWORD` or `command[2]`. */
  readonly field: string;
  readonly file: string;
  /** Where the service begins. */
  readonly line: number;
}

/** Names of the secrets a service needs, sorted, each once. */
export function secretNames(spec: ServiceSpec): readonly string[] {
  return [...new Set(usesOf(spec).map(({ name }) => name))].toSorted(compare);
}

export function secretUses(specs: readonly ServiceSpec[]): readonly SecretUse[] {
  return specs.flatMap(usesOf);
}

function usesOf(spec: ServiceSpec): readonly SecretUse[] {
  const fields = [
    ...Object.entries(spec.env).map(([name, template]) => ({ field: `env.${name}`, template })),
    ...(spec.entrypoint ?? []).map((template, index) => ({ field: `entrypoint[${index}]`, template })),
    ...(spec.command ?? []).map((template, index) => ({ field: `command[${index}]`, template })),
  ];
  return fields.flatMap(({ field, template }) =>
    templateSecrets(template).map((name) => ({ name, service: spec.name, field, ...spec.source })),
  );
}
