import type { RefusedCertificate } from '../tls/certificates.ts';
import { membersOf } from './calls.ts';

/** The certificates that a process said it cannot serve. */
export const readRefused = (value: unknown): readonly RefusedCertificate[] =>
  (Array.isArray(value) ? value : []).map((refused) => {
    const { names, reason } = membersOf(refused);
    return { names: Array.isArray(names) ? names.map(String) : [], reason: String(reason) };
  });
