import { renderTemplate, secretNames, type ServiceSpec, type Template } from '@orca/spec';
import { redactor, resolveSecrets, type SecretStore, type SecretValue } from '@orca/secrets';

/** All that the control plane does with secrets. */
export interface SecretAccess {
  missing(names: readonly string[]): Promise<readonly string[]>;
  /** Keyed digests: they change when a value does, and cannot be turned back into it. */
  digests(names: readonly string[]): Promise<Readonly<Record<string, string>>>;
  /** A service's environment and command with values filled in: the only place where secrets are revealed. */
  render(
    spec: ServiceSpec,
  ): Promise<{ readonly env: Readonly<Record<string, string>>; readonly command: readonly string[] | undefined }>;
  /** Takes every known value out of a text that leaves the process. */
  redact(text: string): string;
}

export const createSecretAccess = (store: SecretStore): SecretAccess => {
  const known = new Map<string, SecretValue>();
  let redact = redactor([]);
  const resolve = async (names: readonly string[]): Promise<ReadonlyMap<string, SecretValue>> => {
    const found = await resolveSecrets(names, [store]);
    if (!found.ok) throw new Error(`secrets are not set: ${found.missing.join(', ')}`);
    for (const [name, value] of found.values) known.set(name, value);
    redact = redactor(known.values());
    return found.values;
  };
  return {
    missing: async (names) => {
      if (names.length === 0) return [];
      const found = await resolveSecrets(names, [store]);
      return found.ok ? [] : found.missing;
    },
    digests: async (names) => (names.length === 0 ? {} : store.digests(names)),
    render: async (spec) => {
      const values = await resolve(secretNames(spec));
      const fill = (template: Template): string =>
        renderTemplate(template, (name) => {
          const value = values.get(name);
          if (value === undefined) throw new Error(`${spec.name}: secret ${name} is not set`);
          return value.reveal();
        });
      return {
        env: Object.fromEntries(Object.entries(spec.env).map(([name, template]) => [name, fill(template)])),
        command: spec.command?.map(fill),
      };
    },
    redact: (text) => redact(text),
  };
};
