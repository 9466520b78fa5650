import { SecretsError } from './errors.ts';

/** `NAME`, or `project.NAME` for a secret of one project. */
const NAME = /^(?:[A-Za-z0-9][A-Za-z0-9_-]{0,62}\.)?[A-Za-z_][A-Za-z0-9_]{0,127}$/;

export const isSecretName = (name: string): boolean => NAME.test(name);

export const assertSecretName = (name: string): void => {
  if (isSecretName(name)) return;
  throw new SecretsError(
    'ORCA_SECRETS_NAME_INVALID',
    `${JSON.stringify(name)} cannot name a secret: use letters, digits and _, not starting with a digit (or project.NAME)`,
  );
};
