export { digestSecret } from './digest.ts';
export { SecretsError, type SecretsErrorCode } from './errors.ts';
export { createFileStore, type FileStoreOptions } from './file-store.ts';
export type { SecretInfo, SecretSource, SecretStore } from './ports.ts';
export { redactor } from './redactor.ts';
export { type Resolution, resolveSecrets } from './resolve.ts';
export { isSecretName } from './secret-name.ts';
export { SecretValue } from './secret-value.ts';
