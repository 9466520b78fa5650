// `pnpm proof:slow-clients`: what ordinary requests cost while hundreds of connections are slow on purpose. CI runs
// the short form, slow-clients.test.ts.
import { commandLine, installPackages, noPositionals } from '@orca/tooling-testbed';
import { createRig, measure, quantile, slowHttpTest, slowSockets, type Figures, type Rig } from './slow-clients.ts';

commandLine({
  usage: 'pnpm proof:slow-clients',
  options: {},
  read: ({ positionals }) => noPositionals(positionals),
});

const connections = 500;
const requests = 200;
/** The most that any ordinary request may lose. */
const mostMs = 200;

const scenarios: readonly (readonly [string, (rig: Rig) => Promise<Figures>])[] = [
  ['slowhttptest -H', (rig) => measure(rig, () => slowHttpTest(rig.port, '-H', connections), requests)],
  ['slowhttptest -B', (rig) => measure(rig, () => slowHttpTest(rig.port, '-B', connections), requests)],
  [`${connections} slow sockets`, (rig) => measure(rig, () => slowSockets(rig, connections), requests)],
];

await installPackages(['slowhttptest'], console.log);
let broken = 0;
for (const [name, run] of scenarios) {
  const rig = await createRig();
  const { quiet, attacked, slow } = await run(rig);
  await rig.close();
  const lostMs = quantile(attacked, 1) - quantile(quiet, 0.5);
  if (lostMs > mostMs) broken += 1;
  const show = (values: readonly number[]): string =>
    `${quantile(values, 0.5).toFixed(1)} / ${quantile(values, 0.99).toFixed(1)} / ${quantile(values, 1).toFixed(1)} ms`;
  console.log(
    `${lostMs <= mostMs ? '✓' : '✗'} ${name}: median/p99/longest quiet ${show(quiet)}, attacked ${show(attacked)}; ${slow} slow connections at the end`,
  );
}
process.exitCode = broken === 0 ? 0 : 1;
