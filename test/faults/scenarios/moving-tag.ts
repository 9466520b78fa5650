import { setTimeout as sleep } from 'node:timers/promises';
import type { Orca } from '../../e2e/orca.ts';
import type { Findings } from './findings.ts';
import type { ImageShelf } from './image-shelf.ts';
import { logged, mustDeploy, serviceText, writeServices } from './with-orca.ts';

const service = 'f17-moving';
const host = `${service}.test`;
/** Beyond the next resync, which may be tempted to warn again. */
const downMs = 40_000;

/** F17 (g): `:latest` is followed when it moves, left alone when it does not, and survives its registry. */
export const moveTag = async (orca: Orca, shelf: ImageShelf, findings: Findings): Promise<void> => {
  const image = await shelf.push(`${service}:latest`, { version: '1' });
  const lines = [`domain = "${host}"`, 'port = 8080', '[service.deploy]', 'min_healthy_secs = 1', 'drain_secs = 2'];
  writeServices(orca, [serviceText(service, image, lines)]);
  await mustDeploy(orca);
  const pulls = (): number => logged(orca, new RegExp(`"pull ${image}"`)).length;
  const identity = (): Promise<string> => orca.identity(`orca-${service}`);
  const version = async (): Promise<string> => (await orca.get(host, '/version')).body.trim();

  const [first, pulledOnce] = [await identity(), pulls()];
  await mustDeploy(orca);
  const again = pulls() - pulledOnce;
  findings.expect((await identity()) === first, 'moving tag: replaced although it had not moved');
  findings.expect(again === 0, `moving tag: pulled ${again} times although it had not moved`);

  await shelf.push(`${service}:latest`, { version: '2' });
  await mustDeploy(orca);
  findings.expect((await version()) === '2', `moving tag: version ${await version()} serves after it moved to 2`);

  await shelf.registry.stop();
  const [moved, downAt] = [await identity(), Date.now()];
  const { code, stdout, stderr } = await orca.orca(['deploy']);
  findings.expect(code === 0, `moving tag: with the registry down the deploy ended with ${code}: ${stdout}${stderr}`);
  await sleep(downMs);
  const warnings = logged(orca, new RegExp(shelf.registry.address)).filter(
    (line) => /"level":40/.test(line) && Date.parse(/"time":"([^"]+)"/.exec(line)?.[1] ?? '') >= downAt,
  );
  findings.expect((await identity()) === moved, 'moving tag: replaced while its registry was down');
  findings.expect(warnings.length === 1, `moving tag: ${warnings.length} warnings of the registry that is down`);
  findings.figure(
    `moving tag: ${again} pulls when it had not moved, version 2 after it had, ${warnings.length} warnings without its registry`,
  );
};
