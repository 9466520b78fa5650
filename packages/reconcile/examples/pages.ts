// Reconciles pages in a folder: an instance is a file, and its name says what stage and state it is in.
import { mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { converge, formatPlan, instanceKey, noRouter, readyAtOnce, revision } from '@orca/reconcile';
import type { Instance, InstanceKey, Plannable, Runtime } from '@orca/reconcile';

const folder = await mkdtemp(join(tmpdir(), 'pages-'));
type Name = Omit<Instance, 'key' | 'dependsOn' | 'drift'>;
const pathOf = (i: Name): string => join(folder, [i.service, i.slot, i.revision, i.stage, i.status].join('~'));
const instances = async (): Promise<readonly Instance[]> =>
  (await readdir(folder)).map((file) => {
    const [service = '', slot, rev = '', stage, status] = file.split('~');
    const key = instanceKey(service, Number(slot), revision(rev));
    const is = { stage: stage === 'current' || stage === 'retired' ? stage : 'candidate' } as const;
    const runs = { status: status === 'running' || status === 'created' ? status : 'exited' } as const;
    return { ...is, ...runs, key, service, slot: Number(slot), revision: revision(rev), dependsOn: [], drift: [] };
  });
const change = async (key: InstanceKey, to: Partial<Instance>): Promise<void> => {
  const found = (await instances()).find((i) => i.key === key);
  if (found !== undefined) await rename(pathOf(found), pathOf({ ...found, ...to }));
};
const runtime: Runtime<Plannable> = {
  observe: instances,
  prepare: async () => undefined,
  create: async (action) => writeFile(pathOf({ ...action, stage: 'candidate', status: 'created' }), action.revision),
  start: (key) => change(key, { status: 'running' }),
  stop: (key) => change(key, { status: 'exited' }),
  commit: async (key) => {
    for (const i of await instances()) if (i.stage === 'current') await change(i.key, { stage: 'retired' });
    await change(key, { stage: 'current' });
  },
  repair: async () => undefined,
  remove: async (key) => {
    for (const i of await instances()) if (i.key === key) await rm(pathOf(i));
  },
};
const ports = {
  runtime,
  router: noRouter<Plannable>(),
  prober: readyAtOnce<Plannable>(),
  now: () => performance.now(),
};
for (const text of ['Hello', 'World']) {
  const spec = { name: 'index', replicas: 1, dependsOn: [] };
  const order = { kind: 'start-first', reason: 'nobody minds two pages' } as const;
  const page = { spec, order, revision: revision(text), isRouted: false, isPaused: false, stopGraceMs: 0 };
  const { outcome } = await converge(ports, {
    gather: async () => ({
      desired: [page],
      observed: { kind: 'known', instances: await instances(), routed: new Set() },
    }),
    onPlan: (plan) => console.log(formatPlan(plan)),
    quarantine: new Map(),
    signal: AbortSignal.timeout(10_000),
  });
  console.log(`${outcome}: ${(await readdir(folder)).join(' ')}`);
}
await rm(folder, { recursive: true });
