/**
 * `pnpm bench`: what a deploy costs, side by side with the engine's own floor and with
 * docker-compose, in one run on the same machine. Ratios are what counts: the machine may be noisy.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  commandLine,
  endOrcaProxy,
  ensureEngine,
  ensureImages,
  freePort,
  installPackages,
  mustRun,
  noPositionals,
  numberOf,
  tempDir,
} from '@orca/tooling-testbed';
import { composeDown, composeUp, writeCompose } from './compose.ts';
import { formatComparison, median } from './figures.ts';
import { clearFloor, measureFloor } from './floor.ts';

const image = 'busybox:1.36';
const command = ['httpd', '-f', '-p', '8080'];
const count = 20;
const rounds = commandLine({
  usage: 'pnpm bench\n\nORCA_BENCH_ROUNDS (3) says how often all is measured.',
  options: {},
  read: ({ positionals }) => {
    noPositionals(positionals);
    return numberOf('ORCA_BENCH_ROUNDS', process.env['ORCA_BENCH_ROUNDS'] ?? '3', 1);
  },
});
const cli = resolve(import.meta.dirname, '../apps/cli/dist/main.cjs');
const log = (text: string): void => void process.stderr.write(`${text}\n`);

await using temp = await tempDir('orca-bench-');
const engine = await ensureEngine({ log });
await ensureImages([image], { log });
await installPackages(['docker-compose'], log);

const root = join(temp.path, 'infra');
const apiPort = await freePort();
mkdirSync(join(root, 'services/bench'), { recursive: true });
writeFileSync(
  join(root, 'cluster.toml'),
  `[cluster]\nname = "orca-bench"\napi_port = ${apiPort}\n[proxy]\nhttp_port = ${await freePort()}\n`,
);
const services = Array.from(
  { length: count },
  (_, i) =>
    `[[service]]\nname = "bench-${i + 1}"\nimage = "${image}"\ncommand = ${JSON.stringify(command)}\nport = 8080\n`,
);
writeFileSync(join(root, 'services/bench/service.toml'), services.join(''));
writeCompose(temp.path, image, command, count);

const env = { ...process.env, ORCA_HOME: join(temp.path, 'home'), ORCA_API: `http://127.0.0.1:${apiPort}` };
const timed = async (file: string, args: readonly string[]): Promise<number> => {
  const begun = performance.now();
  await mustRun(file, args, { cwd: root, env });
  return performance.now() - begun;
};
const orca = (...args: readonly string[]): Promise<number> => timed(process.execPath, [cli, ...args]);
const label = 'label=orca.cluster=orca-bench';
const clearOrca = async (): Promise<void> => {
  const ids = (await mustRun('docker', ['ps', '-aq', '--filter', label])).split('\n').filter((id) => id !== '');
  if (ids.length > 0) await mustRun('docker', ['rm', '-f', ...ids]);
  const networks = (await mustRun('docker', ['network', 'ls', '-q', '--filter', label]))
    .split('\n')
    .filter((id) => id !== '');
  if (networks.length > 0) await mustRun('docker', ['network', 'rm', ...networks]);
};

const server = spawn(process.execPath, [cli, 'server'], { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] });
await new Promise<void>((done) => server.stdout.on('data', (chunk: Buffer) => chunk.includes('is ready') && done()));

// What an interrupted run left would be measured as well.
await clearFloor();
await clearOrca();
const cold: number[] = [];
const floors = new Map<number, number[]>([4, 10, 20].map((parallel) => [parallel, []]));
const composeCold: number[] = [];
const unchanged: number[] = [];
const composeUnchanged: number[] = [];
try {
  for (let round = 1; round <= rounds; round += 1) {
    log(`round ${round} of ${rounds}`);
    for (const [parallel, times] of floors) {
      times.push(await measureFloor({ image, command, count, parallel }));
      await clearFloor();
    }
    cold.push(await orca('deploy'));
    for (let i = 0; i < 3; i += 1) unchanged.push(await orca('deploy'));
    await clearOrca();
    composeCold.push(await composeUp(temp.path));
    for (let i = 0; i < 2; i += 1) composeUnchanged.push(await composeUp(temp.path));
    await composeDown(temp.path);
  }
  log('process start');
  const status: number[] = [];
  const empty: number[] = [];
  for (let i = 0; i < 30; i += 1) {
    status.push(await orca('status'));
    empty.push(await timed(process.execPath, ['-e', '0']));
  }
  const [parallel, floor] = [...floors].sort(([, a], [, b]) => median(a) - median(b))[0] ?? [0, []];
  const lines = [
    `${count} services of ${image}, ${rounds} rounds, medians, Docker ${engine.version}, Node ${process.version}`,
    formatComparison({
      what: 'cold deploy',
      ours: cold,
      peer: `engine floor (${parallel} at once)`,
      theirs: floor,
      goal: 1.15,
    }),
    formatComparison({ what: 'cold deploy', ours: cold, peer: 'docker-compose up -d', theirs: composeCold }),
    formatComparison({
      what: 'deploy, nothing changed',
      ours: unchanged,
      peer: 'docker-compose up -d',
      theirs: composeUnchanged,
      goal: 0.35,
    }),
    formatComparison({ what: 'orca status', ours: status, peer: 'node -e 0', theirs: empty, goal: 1.6 }),
  ];
  console.log(lines.join('\n'));
} finally {
  server.kill('SIGTERM');
  await endOrcaProxy(join(temp.path, 'home'));
  await clearOrca();
  await clearFloor();
  await composeDown(temp.path).catch(() => undefined);
  await engine.stop();
}
