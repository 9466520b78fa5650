import { registry } from '@orca/tooling-testbed';
import type { Scenario, ScenarioContext, ScenarioResult } from '../scenario.ts';
import { badRevisions, deployBadOnes } from './bad-revisions.ts';
import { Findings } from './findings.ts';
import { imageShelf } from './image-shelf.ts';
import { moveTag } from './moving-tag.ts';
import { withOrca } from './with-orca.ts';

const images = ['orca-test/app:1', 'orca-test/misfit:1'];

/** F17: what cannot work never takes the place of what does, is tried once, and is called by its name. */
export const badRevision: Scenario = {
  id: 'F17',
  title: 'images and revisions that cannot work, deployed over ones that serve; a tag that moves',
  counts: { short: 1, full: 5 },
  inCi: false,
  run: (context) => rounds(context),
};

const rounds = async ({ count, signal, ...context }: ScenarioContext): Promise<ScenarioResult> => {
  const findings = new Findings();
  for (let round = 1; round <= count; round += 1) {
    signal.throwIfAborted();
    await once(findings);
    context.log(`round ${round} of ${count}`);
  }
  return findings.result();
};

const once = async (findings: Findings): Promise<void> => {
  await using shelf = await imageShelf();
  await using locked = await registry({ user: { name: 'orca', password: 'f17' } });
  const bad = badRevisions({
    missing: `${shelf.registry.address}/f17-app:none`,
    denied: `${locked.address}/f17-app:1`,
    corrupt: await shelf.push('f17-app:corrupt', { version: '1' }),
  });
  await shelf.corrupt('f17-app:corrupt');
  await withOrca('f17', images, (orca) => deployBadOnes(orca, bad, findings), { logLevel: 'debug' });
  await withOrca('f17-tag', images, (orca) => moveTag(orca, shelf, findings), { logLevel: 'debug' });
};
