export { createAcmeIssuer, type AcmeIssuerOptions } from './acme-issuer.ts';
export type { ExternalAccount } from './account.ts';
export {
  createCertFiles,
  type CertFile,
  type CertFiles,
  type CertFilesOptions,
  type CertFileState,
} from './cert-files.ts';
export { readCertificate, type Certificate } from './certificate.ts';
export { dns01Hook, type Dns01HookOptions } from './dns01-hook.ts';
export { AcmeError, isAcmeError, type AcmeErrorCode } from './errors.ts';
export type { AcmeEvent, OnAcmeEvent } from './events.ts';
export type { Failure, FailureKind } from './failure.ts';
export { createFileLeaser, type FileLeaserOptions } from './file-leaser.ts';
export { createFileStore, type FileStoreOptions } from './file-store.ts';
export { coversHost, qualifyHost, type Qualified, type QualifyOptions } from './host-name.ts';
export type { HostRecord } from './host-record.ts';
export type { HostState } from './host-state.ts';
export { http01, type Http01, type Http01Answers, type Http01Options } from './http01.ts';
export { createHttpsTransport, type HttpsTransportOptions } from './https-transport.ts';
export { createKeyPem, type KeyType } from './key-pair.ts';
export { createCertManager, type CertManager } from './manager.ts';
export type { CertManagerOptions } from './manager-options.ts';
export type {
  AccountId,
  AccountStore,
  CertStore,
  Challenge,
  ChallengeType,
  Issuer,
  Lease,
  Leaser,
  OrderProgress,
  OrderRecord,
  OrderRequest,
  RenewalInfo,
  Solver,
  StoredAccount,
  StoredHost,
  Transport,
  TransportRequest,
  TransportResponse,
} from './ports.ts';
export { selfCheck, type Preflight, type SelfCheckOptions } from './preflight.ts';
export type { Problem } from './problem.ts';
export { createSelfSignedCertificate } from './self-signed.ts';
export { expiryThreshold, renewalOf, type Renewal, type SuggestedWindow } from './renewal.ts';
export { tlsAlpn01, type AlpnCertificate, type TlsAlpn01, type TlsAlpn01Options } from './tls-alpn01.ts';
