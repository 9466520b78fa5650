import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ensureImages } from '@orca/tooling-testbed';
import { imageShelf, type ImageShelf } from '../faults/scenarios/image-shelf.ts';
import { docker, Orca, patienceMs, run } from './orca.ts';

const service = 'e2e-tidy';

describe('43: images that orca pulled', () => {
  let orca: Orca;
  let shelf: ImageShelf;
  const version = (n: number): string => `${shelf.registry.address}/tidy:${n}`;
  const isHere = async (image: string): Promise<boolean> =>
    (await run('docker', ['image', 'inspect', image])).code === 0;
  const roll = async (n: number): Promise<void> => {
    const image = await shelf.push(`tidy:${n}`, { version: String(n) });
    const text = `[[service]]\nname = "${service}"\nimage = "${image}"\n[[service.volumes]]\nsource = "e2e-tidy-data"\ntarget = "/data"\n`;
    orca.write('services/tidy/service.toml', `${text}[service.deploy]\nmonitor_secs = 0\nmin_healthy_secs = 0\n`);
    expect(await orca.orca(['deploy'])).toMatchObject({ code: 0 });
  };
  const until = async (isSo: () => Promise<boolean>): Promise<boolean> => {
    const deadline = performance.now() + patienceMs;
    for (;;) {
      if (await isSo()) return true;
      if (performance.now() > deadline) return false;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  };

  beforeAll(async () => {
    await ensureImages(['orca-test/app:1']);
    shelf = await imageShelf();
    orca = await Orca.create('e2e-images');
    await orca.start({ env: { ORCA_RESYNC_SECS: '1' } });
  });
  afterAll(async () => {
    await orca.dispose();
    await run('docker', ['volume', 'rm', 'e2e-tidy-data']);
    await shelf[Symbol.asyncDispose]();
  });

  it('go when two newer ones were proven; what others named, use, or brought stays', async () => {
    await roll(1);
    // Somebody likes this one and gives it a name of their own in the same repository.
    await docker('tag', version(1), `${shelf.registry.address}/tidy:keep`);
    await roll(2);
    await roll(3);
    await docker('create', '--name', 'e2e-tidy-foreign', version(3));
    await roll(4);
    expect(await until(async () => !(await isHere(version(2))))).toBe(true);
    await roll(5);
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    const kept = await Promise.all([1, 2, 3, 4, 5].map((n) => isHere(version(n))));
    expect(kept).toEqual([true, false, true, true, true]);
    expect(await isHere('orca-test/app:1')).toBe(true);
    expect(await docker('volume', 'ls', '-q', '--filter', 'name=e2e-tidy-data')).toBe('e2e-tidy-data');
    await docker('rm', 'e2e-tidy-foreign');
  });
});
