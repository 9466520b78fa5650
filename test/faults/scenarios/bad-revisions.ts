import { setTimeout as sleep } from 'node:timers/promises';
import type { Orca } from '../../e2e/orca.ts';
import { watchEngine } from './engine-watch.ts';
import type { Findings } from './findings.ts';
import { describeLoad, steadyClient } from './steady-client.ts';
import { logged, mustDeploy, serviceText, stateOf, writeServices } from './with-orca.ts';

/** A revision that cannot work, and what orca must say of it. */
export interface BadRevision {
  readonly service: string;
  readonly what: string;
  readonly image: string;
  readonly lines: readonly string[];
  readonly reason: RegExp;
}

/** The first revision of each serves; the images are told when there are registries to take them from. */
export const badRevisions = (images: {
  readonly missing: string;
  readonly denied: string;
  readonly corrupt: string;
}): readonly BadRevision[] => {
  const misfit = 'orca-test/misfit:1';
  const readiness = ['[service.readiness]', 'path = "/cgi-bin/ready"'];
  return [
    { service: 'f17-a', what: 'missing tag', image: images.missing, lines: [], reason: /was not found/ },
    { service: 'f17-b', what: 'auth denied', image: images.denied, lines: [], reason: /was refused.*docker login/ },
    { service: 'f17-c', what: 'corrupt layer', image: images.corrupt, lines: [], reason: /verification failed/ },
    { service: 'f17-d', what: 'crash on start', image: misfit, lines: env('FAIL_START'), reason: /exited with code 1/ },
    {
      service: 'f17-e',
      what: 'never ready',
      image: misfit,
      lines: [...readiness, ...env('READY_AFTER', '9999')],
      reason: /not ready within \d+ s/,
    },
    {
      service: 'f17-f',
      what: 'dies in the window',
      image: misfit,
      lines: env('EXIT_AFTER', '2'),
      reason: /exited with code 1/,
    },
  ];
};

const env = (name: string, value = '1'): readonly string[] => ['[service.env]', `${name} = "${value}"`];

/** Beyond the next resync, which must not try again. */
const afterMs = 35_000;

/** Deploys all of them over what serves, and looks at what the users, the engine and orca's own words tell. */
export const deployBadOnes = async (orca: Orca, bad: readonly BadRevision[], findings: Findings): Promise<void> => {
  await using watch = await watchEngine(orca);
  const good = bad.map((b) => ({ ...b, image: 'orca-test/misfit:1', lines: [] }));
  writeServices(orca, good.map(textOf));
  await mustDeploy(orca);
  const before = await identities(orca, bad);
  const createdBefore = new Map(bad.map((b) => [b.service, watch.events('create', b.service).length]));
  const clients = bad.map(({ service }) => steadyClient({ port: orca.proxyPort, host: hostOf(service), perSecond: 8 }));
  writeServices(orca, bad.map(textOf));
  const { code, stdout } = await orca.orca(['deploy']);
  findings.expect(code === 1, `the deploy of bad revisions ended with ${code}`);
  await sleep(afterMs);
  const loads = await Promise.all(clients.map((client) => client.stop()));
  let right = 0;
  for (const [index, b] of bad.entries()) {
    const load = loads[index];
    const { lastFailure } = await stateOf(orca, b.service);
    const said = stdout.split('\n').filter((line) => line.includes(b.service));
    const created = watch.events('create', b.service).length - (createdBefore.get(b.service) ?? 0);
    const pulled = logged(orca, new RegExp(`"pull ${b.image}"`)).length;
    const attempts = Math.max(created, pulled);
    const isRight = [
      findings.expect(
        load?.failures.length === 0,
        `${b.what}: the old one failed: ${load?.failures.slice(0, 3).join('; ')}`,
      ),
      findings.expect(
        before.get(b.service) === (await identities(orca, [b])).get(b.service),
        `${b.what}: the old one was replaced`,
      ),
      findings.expect(
        said.some((line) => b.reason.test(line)),
        `${b.what}: the deploy says: ${said.join(' / ')}`,
      ),
      findings.expect(b.reason.test(lastFailure ?? ''), `${b.what}: the status says: ${lastFailure}`),
      findings.expect(attempts === 1, `${b.what}: ${attempts} attempts (${created} created, ${pulled} pulled)`),
    ].every(Boolean);
    if (isRight) right += 1;
    if (load !== undefined) findings.figure(`${b.what}: ${describeLoad(load)}, ${attempts} attempts`);
  }
  findings.figure(`${right}/${bad.length} bad revisions: the old one served throughout, reason right, one attempt`);
};

const hostOf = (service: string): string => `${service}.test`;

const textOf = ({ service, image, lines }: BadRevision): string =>
  serviceText(service, image, [
    `domain = "${hostOf(service)}"`,
    'port = 8080',
    '[service.deploy]',
    'min_healthy_secs = 4',
    'healthy_deadline_secs = 4',
    'drain_secs = 5',
    ...lines,
  ]);

const identities = async (orca: Orca, bad: readonly BadRevision[]): Promise<ReadonlyMap<string, string>> =>
  new Map(
    await Promise.all(bad.map(async ({ service }) => [service, await orca.identity(`orca-${service}`)] as const)),
  );
