import { createHash, X509Certificate } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { installPackages, mustRun, silent, tempDir } from '@orca/tooling-testbed';
import { assertServes, readCertificate, renewalId } from '../src/certificate.ts';
import { createKeyPem, readKey, type KeyType } from '../src/key-pair.ts';
import { createCsr, createSelfSigned, toPem } from '../src/x509-write.ts';

const openssl = async (args: readonly string[], input: string): Promise<string> => {
  await installPackages(['openssl'], silent);
  return mustRun('openssl', args, { input });
};
const now = Date.parse('2026-11-26T10:00:00Z');
const selfSigned = async (names: readonly string[], notAfter = now + 86_400_000): Promise<[string, string]> => {
  const keyPem = await createKeyPem('ecdsa-p256');
  return [createSelfSigned({ names, key: readKey(keyPem), notBefore: now - 1000, notAfter }), keyPem];
};

describe('A18: requests and keys', () => {
  test.each<KeyType>(['ecdsa-p256', 'rsa-2048'])('OpenSSL verifies a request of %s with its names', async (type) => {
    const csr = createCsr(['a.example', '*.b.example'], readKey(await createKeyPem(type)));
    const said = await openssl(['req', '-noout', '-text', '-verify'], toPem('CERTIFICATE REQUEST', csr));
    expect(said).toContain('DNS:a.example, DNS:*.b.example');
    expect(said).toContain(type === 'rsa-2048' ? '2048 bit' : 'prime256v1');
  });
});

describe('certificates of our own', () => {
  test('OpenSSL reads one back: names, times, signature', async () => {
    const [certPem] = await selfSigned(['a.example']);
    const read = new X509Certificate(certPem);
    expect(read.verify(read.publicKey)).toBe(true);
    expect(read.checkHost('a.example')).toBe('a.example');
    expect(Date.parse(read.validFrom)).toBe(now - 1000);
    // After 2049 a time is written otherwise.
    const [late] = await selfSigned(['a.example'], Date.UTC(2055, 0, 1));
    expect(Date.parse(new X509Certificate(late).validTo)).toBe(Date.UTC(2055, 0, 1));
  });

  test('one that answers tls-alpn-01 has the digest in a critical extension', async () => {
    const key = readKey(await createKeyPem('ecdsa-p256'));
    const acmeIdentifier = createHash('sha256').update('token.thumb').digest();
    const pem = createSelfSigned({ names: ['a.example'], key, notBefore: now, notAfter: now + 1000, acmeIdentifier });
    const said = await openssl(['x509', '-noout', '-text'], pem);
    expect(said).toMatch(/1\.3\.6\.1\.5\.5\.7\.1\.31: critical/);
  });
});

describe('A17: what may go into service', () => {
  test('a pair is read with its names and times', async () => {
    const [certPem, keyPem] = await selfSigned(['a.example', 'B.example']);
    const read = readCertificate(certPem, keyPem);
    expect(read).toMatchObject({
      names: ['a.example', 'b.example'],
      notBefore: now - 1000,
      issuer: 'orca self-signed',
    });
    expect(() => assertServes(read, 'b.example', now)).not.toThrow();
  });

  test('refused: another key, another name, another time, half a file', async () => {
    const [certPem, keyPem] = await selfSigned(['a.example']);
    const read = readCertificate(certPem, keyPem);
    const otherKey = await createKeyPem('ecdsa-p256');
    expect(() => readCertificate(certPem, otherKey)).toThrow('the key is not the one it was made for');
    expect(() => readCertificate(certPem.slice(0, 200), keyPem)).toThrow('there is no certificate in it');
    expect(() => readCertificate(certPem, keyPem.slice(0, 100))).toThrow('not a usable certificate');
    expect(() => assertServes(read, 'c.example', now)).toThrow('it is for a.example');
    expect(() => assertServes(read, 'a.example', read.notAfter)).toThrow('it expired');
    expect(() => assertServes(read, 'a.example', now - 7_200_000)).toThrow('it is not valid before');
  });

  test('A24: an authority whose clock is a little ahead is forgiven', async () => {
    const read = readCertificate(...(await selfSigned(['a.example'])));
    expect(() => assertServes(read, 'a.example', now - 600_000)).not.toThrow();
  });

  test('A13: what names a certificate to the authority, as RFC 9773 4.1 has it', async () => {
    await using dir = await tempDir();
    const config = join(dir.path, 'ca.cnf');
    // The key identifier and serial number of the example in RFC 9773, section 4.1.
    await writeFile(
      config,
      '[req]\ndistinguished_name=dn\nprompt=no\nx509_extensions=e\n[dn]\nCN=x\n[e]\n' +
        '2.5.29.35=DER:30:16:80:14:69:88:5B:6B:87:46:40:41:E1:B3:7B:84:7B:A0:AE:2C:DE:01:C8:D4\n',
    );
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const out = ['-keyout', join(dir.path, 'key.pem'), '-set_serial', '0x87654321', '-config', config];
    const pem = await openssl(['req', '-x509', ...key, ...out], '');
    expect(renewalId(pem)).toBe('aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE');
  });
});
