import { readCertificate, type Certificate } from './certificate.ts';
import { createKeyPem, readKey } from './key-pair.ts';
import { createSelfSigned } from './x509-write.ts';

const day = 86_400_000;

/**
 * A pair that vouches for nothing, to have something to show for a host until an authority has
 * signed one: a browser then complains about who signed it, and not about a closed door (A9).
 */
export const createSelfSignedCertificate = async (host: string, now: number): Promise<Certificate> => {
  const keyPem = await createKeyPem('ecdsa-p256');
  const times = { notBefore: now - day, notAfter: now + 365 * day };
  return readCertificate(createSelfSigned({ names: [host], key: readKey(keyPem), ...times }), keyPem);
};
