import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { tempDir } from '@orca/tooling-testbed';
import { createCertFiles, createSelfSignedCertificate, type AcmeEvent, type Certificate } from '../src/index.ts';

const day = 86_400_000;
const write = async (dir: string, { certPem, keyPem }: Certificate): Promise<void> => {
  await writeFile(join(dir, 'c.pem.new'), certPem);
  await rename(join(dir, 'c.pem.new'), join(dir, 'c.pem'));
  await writeFile(join(dir, 'k.pem.new'), keyPem);
  await rename(join(dir, 'k.pem.new'), join(dir, 'k.pem'));
};

describe('A25: certificates that somebody else obtains', () => {
  test('are taken into use, and again when they are replaced', async () => {
    await using dir = await tempDir();
    const [first, second] = [
      await createSelfSignedCertificate('a.test', Date.now()),
      await createSelfSignedCertificate('a.test', Date.now()),
    ];
    const changes: (string | undefined)[] = [];
    const files = createCertFiles({ now: Date.now, onChange: ({ certificate }) => changes.push(certificate?.serial) });
    const [certPath, keyPath] = [join(dir.path, 'c.pem'), join(dir.path, 'k.pem')];
    await files.watch([{ hosts: ['a.test'], certPath, keyPath }]);
    expect(files.state()[0]).toMatchObject({ certificate: undefined, fault: expect.stringContaining('ENOENT') });
    await write(dir.path, first);
    await files.refresh();
    await files.refresh();
    expect(files.state()[0]?.certificate).toEqual(first);
    // Half replaced: the old pair serves on, and the fault is told.
    await writeFile(certPath, second.certPem);
    await files.refresh();
    expect(files.state()[0]).toMatchObject({ certificate: first, fault: expect.stringContaining('key') });
    await write(dir.path, second);
    await files.refresh();
    expect(files.state()[0]).toMatchObject({ certificate: second, fault: undefined });
    await rm(keyPath);
    await files.refresh();
    expect(files.state()[0]?.certificate).toEqual(second);
    expect(changes).toEqual([undefined, first.serial, first.serial, second.serial, second.serial]);
  });

  test('one for another name is refused, in words', async () => {
    await using dir = await tempDir();
    await write(dir.path, await createSelfSignedCertificate('b.test', Date.now()));
    const files = createCertFiles({ now: Date.now });
    await files.watch([{ hosts: ['a.test'], certPath: join(dir.path, 'c.pem'), keyPath: join(dir.path, 'k.pem') }]);
    expect(files.state()[0]?.fault).toContain('it is for b.test, not for a.test');
  });

  test('expiry is warned of once for each of 21, 7, 1 and 0 days', async () => {
    await using dir = await tempDir();
    const certificate = await createSelfSignedCertificate('a.test', Date.now());
    await write(dir.path, certificate);
    let now = certificate.notAfter - 30 * day;
    const events: AcmeEvent[] = [];
    const files = createCertFiles({ now: () => now, onEvent: (event) => events.push(event) });
    await files.watch([{ hosts: ['a.test'], certPath: join(dir.path, 'c.pem'), keyPath: join(dir.path, 'k.pem') }]);
    for (let i = 0; i < 62; i += 1) {
      now += day / 2;
      await files.refresh();
    }
    expect(events.map((event) => (event.type === 'expiring' ? event.days : event.type))).toEqual([21, 7, 1, 0]);
  });
});
