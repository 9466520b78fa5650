import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '@orca/tooling-testbed';
import { docker, run } from '../../e2e/orca.ts';
import type { Orca } from '../../e2e/orca.ts';
import type { Scenario, ScenarioContext, ScenarioResult } from '../scenario.ts';
import { watchEngine } from './engine-watch.ts';
import { Findings } from './findings.ts';
import { insertClient, type InsertClient } from './insert-client.ts';
import { mustDeploy, serviceText, withOrca, writeServices } from './with-orca.ts';

const service = 'f16-db';
const client = 'f16-client';
const image = 'postgres:16-alpine';
/** Between two updates, so that there are rows to lose before each. */
const insertingMs = 2000;
const corruption = /PANIC|corrupt|invalid page|could not read block|page verification failed|xlog flush request/i;

/** F16: a database keeps every row it acknowledged, however often it is updated. */
export const postgresql: Scenario = {
  id: 'F16',
  title: 'PostgreSQL on a volume updated during inserts',
  counts: { short: 2, full: 50 },
  inCi: true,
  run: (context) => withOrca('f16', [image], (orca) => withClient(orca, () => update(orca, context))),
};

/** A container of the same image on the services' network, with nothing in it but psql to call. */
const withClient = async <T>(orca: Orca, work: () => Promise<T>): Promise<T> => {
  writeRevision(orca, 0);
  await mustDeploy(orca);
  await docker('run', '-d', '--rm', '--name', client, '--network', `orca-${orca.cluster}`, image, 'sleep', '3600');
  try {
    return await work();
  } finally {
    await docker('rm', '-f', client);
  }
};

const update = async (orca: Orca, { count, signal, ...context }: ScenarioContext): Promise<ScenarioResult> => {
  const findings = new Findings();
  await using watch = await watchEngine(orca);
  const logs: string[] = [];
  await sql('create table rows (n int primary key)');
  const inserting = insertClient(client, service);
  try {
    for (let round = 1; round <= count; round += 1) {
      signal.throwIfAborted();
      await sleep(insertingMs);
      await moreRows(inserting);
      const following = followLog(`orca-${service}`);
      writeRevision(orca, round);
      await mustDeploy(orca);
      logs.push(await following);
      context.log(`update ${round} of ${count}: ${inserting.acknowledged().size} rows acknowledged`);
    }
    await sleep(insertingMs);
    await moreRows(inserting);
  } finally {
    await inserting.stop();
  }
  const { stdout, stderr } = await run('docker', ['logs', `orca-${service}`]);
  logs.push(stdout, stderr);
  const stored = new Set((await sql('select n from rows')).split('\n').map(Number));
  const acknowledged = [...inserting.acknowledged()];
  const lost = acknowledged.filter((n) => !stored.has(n));
  const bad = logs.flatMap((text) => text.split('\n').filter((line) => corruption.test(line)));
  findings.figure(`${lost.length} of ${acknowledged.length} acknowledged rows lost in ${count} updates`);
  findings.figure(
    `${inserting.connections()} connections, ${watch.events('kill').length} signals, ${bad.length} lines of corruption`,
  );
  findings.expect(lost.length === 0, `acknowledged and not there: ${lost.slice(0, 10).join(', ')} …`);
  findings.expect(bad.length === 0, `the log tells of corruption: ${bad.slice(0, 3).join('; ')}`);
  findings.expect(acknowledged.length > count * 10, `only ${acknowledged.length} rows: the client hardly got through`);
  findings.expect(inserting.connections() > count, 'the database was not replaced under the client');
  return findings.result();
};

/** So many that the count at the end is reached, on whatever machine. */
const moreRows = async (inserting: InsertClient): Promise<void> => {
  const goal = inserting.acknowledged().size + 20;
  await waitFor(() => inserting.acknowledged().size >= goal, {
    what: 'more rows to be acknowledged',
    timeoutMs: 240_000,
  });
};

/** The log of a container to its end, which an update brings about and after which it can no longer be asked for. */
const followLog = async (container: string): Promise<string> => {
  const { stdout, stderr } = await run('docker', ['logs', '-f', container]);
  return stdout + stderr;
};

const sql = (statement: string): Promise<string> =>
  docker('exec', client, 'psql', '-h', service, '-U', 'postgres', '-qAt', '-c', statement);

const writeRevision = (orca: Orca, round: number): void =>
  writeServices(orca, [
    serviceText(service, image, [
      'port = 5432',
      'stop_grace_secs = 60',
      '[[service.volumes]]',
      `source = "${service}-data"`,
      'target = "/var/lib/postgresql/data"',
      '[service.deploy]',
      'min_healthy_secs = 1',
      '[service.env]',
      'POSTGRES_HOST_AUTH_METHOD = "trust"',
      `ROUND = "${round}"`,
    ]),
  ]);
