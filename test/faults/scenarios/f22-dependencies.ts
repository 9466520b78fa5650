import { docker, type Orca, type Ran } from '../../e2e/orca.ts';
import type { Scenario, ScenarioContext, ScenarioResult } from '../scenario.ts';
import { dependantsOf, layeredGraph, type Node } from './dependency-graph.ts';
import { watchEngine, type EngineWatch } from './engine-watch.ts';
import { Findings, seconds } from './findings.ts';
import { serviceText, withOrca, writeServices } from './with-orca.ts';

/** In the second layer: it holds back a part of every layer above, and nothing beside it. */
const sick = 'f22-1-3';

/** F22: one that never gets well holds only those that need it; a graph that makes no sense changes nothing. */
export const dependencies: Scenario = {
  id: 'F22',
  title: 'dependency graph with one service that never gets well; a cycle; a missing name',
  counts: { short: 30, full: 50 },
  inCi: true,
  run: (context) => withOrca('f22', ['orca-test/app:1'], (orca) => inspectGraph(orca, context)),
};

const inspectGraph = async (orca: Orca, { count, ...context }: ScenarioContext): Promise<ScenarioResult> => {
  const findings = new Findings();
  const graph = layeredGraph(count);
  await using watch = await watchEngine(orca);

  await holdDependants(orca, { graph, watch }, findings);
  context.log('one never gets well');
  write(orca, graph, '0');
  const healed = await deployed(orca);
  findings.expect(healed.code === 0, `healed, the deploy ended with ${healed.code}: ${healed.stdout}`);
  const all = await running(orca);
  findings.expect(all.size === count, `healed, ${all.size} of ${count} run`);
  findings.figure(`healed: ${all.size}/${count} run ${seconds(healed.ms)} later`);
  context.log('healed');

  const [bottom, top] = [graph[0], graph.at(-1)];
  if (bottom === undefined || top === undefined) throw new Error('the graph is empty');
  const cyclic = graph.map((node) => (node === bottom ? { ...node, dependsOn: [top.name] } : node));
  await refuse(
    orca,
    { graph: cyclic, watch, what: 'cycle', says: new RegExp(`${bottom.name} -> .*${bottom.name}`) },
    findings,
  );
  const lame = graph.map((node) => (node === top ? { ...node, dependsOn: ['f22-nobody'] } : node));
  await refuse(orca, { graph: lame, watch, what: 'missing name', says: /f22-nobody/ }, findings);
  return findings.result();
};

interface Held {
  readonly graph: readonly Node[];
  readonly watch: EngineWatch;
}

const holdDependants = async (orca: Orca, { graph, watch }: Held, findings: Findings): Promise<void> => {
  const dependants = dependantsOf(graph, sick);
  write(orca, graph, '9999');
  const { code, stdout, ms } = await deployed(orca);
  findings.expect(code === 1, `with ${sick} sick the deploy ended with ${code}`);
  const run = await running(orca);
  const free = graph.filter(({ name }) => name !== sick && !dependants.has(name));
  const left = free.filter(({ name }) => !run.has(name));
  // Made in advance is no harm, and saves time once they may start.
  const begun = [...dependants].filter((name) => watch.events('start', name).length > 0);
  const unnamed = [...dependants].filter((name) => !stdout.split('\n').some((line) => line.includes(name)));
  findings.figure(
    `${sick} never well: ${dependants.size - begun.length}/${dependants.size} dependants held, ` +
      `${free.length - left.length}/${free.length} others run after ${seconds(ms)}`,
  );
  findings.expect(left.length === 0, `not started though nothing holds them: ${left.map((n) => n.name).join(', ')}`);
  findings.expect(begun.length === 0, `started though ${sick} is not well: ${begun.join(', ')}`);
  findings.expect(unnamed.length === 0, `held without a word: ${unnamed.join(', ')}`);
};

interface Refused extends Held {
  readonly what: string;
  readonly says: RegExp;
}

const refuse = async (orca: Orca, { graph, watch, what, says }: Refused, findings: Findings): Promise<void> => {
  const actions = ['create', 'start', 'stop', 'kill', 'die', 'destroy', 'rename', 'update'];
  const touches = (): number => actions.reduce((sum, action) => sum + watch.events(action).length, 0);
  const before = touches();
  write(orca, graph, '0');
  const { code, stdout, stderr } = await deployed(orca);
  const said = `${stdout}${stderr}`;
  const touched = touches() - before;
  findings.expect(code === 1, `${what}: the deploy ended with ${code}`);
  findings.expect(says.test(said), `${what}: the deploy says: ${said}`);
  findings.expect(touched === 0, `${what}: ${touched} containers touched`);
  findings.figure(
    `${what}: refused, ${touched} containers touched: ${said.split('\n').find((line) => says.test(line)) ?? ''}`,
  );
};

const deployed = async (orca: Orca): Promise<Ran & { readonly ms: number }> => {
  const begun = performance.now();
  const ran = await orca.orca(['deploy']);
  return { ...ran, ms: performance.now() - begun };
};

const write = (orca: Orca, graph: readonly Node[], sickForSecs: string): void =>
  writeServices(
    orca,
    graph.map(({ name, dependsOn }) =>
      serviceText(name, 'orca-test/app:1', [
        'port = 8080',
        `depends_on = ${JSON.stringify(dependsOn)}`,
        ...(name === sick ? sickness(sickForSecs) : []),
      ]),
    ),
  );

/** Who is sick is given up soon; who is well has time to say so, on whatever machine. */
const sickness = (secs: string): readonly string[] => [
  '[service.readiness]',
  'path = "/cgi-bin/ready"',
  'interval_secs = 1',
  'initial_delay_secs = 0',
  '[service.deploy]',
  `healthy_deadline_secs = ${secs === '0' ? 200 : 5}`,
  '[service.env]',
  `READY_AFTER = "${secs}"`,
];

/** Names of the services that run, as the engine says. */
const running = async (orca: Orca): Promise<ReadonlySet<string>> => {
  const names = await docker(
    'ps',
    '--filter',
    `label=orca.cluster=${orca.cluster}`,
    '--format',
    '{{.Label "orca.service"}}',
  );
  return new Set(names.split('\n').filter((name) => name !== ''));
};
