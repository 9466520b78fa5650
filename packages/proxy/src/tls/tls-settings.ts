import { constants } from 'node:crypto';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';

/**
 * RFC 9325 §4.2: forward secrecy and authenticated encryption only. What has been TLS 1.2 for
 * ten years has these; older clients are better refused than served badly.
 */
const ciphers = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

/** What every context has in common; a certificate changes none of it. */
export const serverSettings: SecureContextOptions = {
  minVersion: 'TLSv1.2',
  ciphers,
  // Nobody needs it, and it costs the server more than the client.
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  // The same in every process, so that a ticket of one is good at another that shares its keys.
  sessionIdContext: 'orca',
};

export const contextOf = (pem: { readonly cert: string; readonly key: string }): SecureContext =>
  createSecureContext({ ...serverSettings, ...pem });
