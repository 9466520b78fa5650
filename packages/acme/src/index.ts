export type {
  Certificate,
  CertManager,
  CertManagerPorts,
  CertStore,
  Challenge,
  Issuer,
  Leaser,
  Solver,
} from './ports.ts';
