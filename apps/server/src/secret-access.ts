import { renderTemplate, secretNames, type ServiceSpec, type Template } from '@orca/spec';
import type { Rendered } from '@orca/runtime-docker';
import { redactor, resolveSecrets, type SecretStore, type SecretValue } from '@orca/secrets';

/** All that the control plane does with secrets. */
export interface SecretAccess {
  missing(names: readonly string[]): Promise<readonly string[]>;
  /** Keyed digests: they change when a value does, and cannot be turned back into it. */
  digests(names: readonly string[]): Promise<Readonly<Record<string, string>>>;
  /** A service's environment, entrypoint and command with values filled in: the only place where secrets are revealed. */
  render(spec: ServiceSpec): Promise<Rendered>;
  /** Takes every known value out of a text that leaves the process. */
  redact(text: string): string;
}

export const createSecretAccess = (store: SecretStore): SecretAccess => {
  const known = new Map<string, SecretValue>();
  let redact = redactor([]);
  const remember = (values: ReadonlyMap<string, SecretValue>): ReadonlyMap<string, SecretValue> => {
    const isNew = [...values].filter(([name, value]) => known.get(name)?.reveal() !== value.reveal());
    for (const [name, value] of isNew) known.set(name, value);
    if (isNew.length > 0) redact = redactor(known.values());
    return values;
  };
  return {
    missing: async (names) => {
      if (names.length === 0) return [];
      const found = await resolveSecrets(names, [store]);
      if (!found.ok) return found.missing;
      // From here on their values are taken out of everything that is printed, whoever prints it.
      remember(found.values);
      return [];
    },
    digests: async (names) => (names.length === 0 ? {} : store.digests(names)),
    render: async (spec) => {
      const found = await resolveSecrets(secretNames(spec), [store]);
      if (!found.ok) throw new Error(`${spec.name}: secrets are not set: ${found.missing.join(', ')}`);
      const values = remember(found.values);
      const fill = (template: Template): string =>
        renderTemplate(template, (name) => {
          const value = values.get(name);
          if (value === undefined) throw new Error(`${spec.name}: secret ${name} is not set`);
          return value.reveal();
        });
      return {
        env: Object.fromEntries(Object.entries(spec.env).map(([name, template]) => [name, fill(template)])),
        command: spec.command?.map(fill),
        entrypoint: spec.entrypoint?.map(fill),
      };
    },
    redact: (text) => redact(text),
  };
};
