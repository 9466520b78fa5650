// `npm run quickstart`: from a fresh checkout to a served page, by the commands a user would type.
// `npm run quickstart -- stop` ends what it started and keeps the data.
import { randomBytes } from 'node:crypto';
import { relative } from 'node:path';
import {
  commandStep,
  createDocker,
  endOrcaProxy,
  ensureEngine,
  ensureImages,
  seconds,
  step,
  stopEngine,
} from '../testbed/index.ts';
import type { Log } from '../testbed/index.ts';
import { QuickstartError } from './errors.ts';
import { get } from './http.ts';
import { orca, orcaEnv } from './orca.ts';
import { forgetServer, paths } from './place.ts';
import type { Ports } from './place.ts';
import { endServer, ensureServer, runningServer } from './server.ts';

const host = 'quickstart.localhost';
const images = ['redis:7-alpine', 'busybox:1.36'];
/** Named one by one: a service that was stopped by request is only started again when asked for by its name. */
const services = ['store', 'web'];
const log: Log = (line) => console.log(line);

async function start(): Promise<void> {
  await commandStep('build', ['pnpm', '-s', 'build'], log);
  const engine = await step('Docker engine', log, () => ensureEngine({ log, home: paths.engine }));
  await step('images', log, () => ensureImages(images, { log, socket: engine.socket }));
  const ports = await step('orca server', log, () => ensureServer(log));
  await step('secret STORE_PASSWORD', log, () => ensureSecret(ports));
  await step(`orca deploy ${services.join(' ')}`, log, () => orca(['deploy', ...services], { ports }));
  log('\n$ orca status');
  await orca(['status'], { ports });
  await showPage(ports);
  explain(ports);
}

async function ensureSecret(ports: Ports): Promise<void> {
  const names = (await orca(['secrets', 'list'], { ports, capture: true })).split(/\s+/);
  if (names.includes('STORE_PASSWORD')) return;
  const input = `${randomBytes(18).toString('base64url')}\n`;
  await orca(['secrets', 'set', 'STORE_PASSWORD', '-'], { ports, input, capture: true });
}

async function showPage(ports: Ports): Promise<void> {
  log(`\n$ curl -H 'Host: ${host}' http://127.0.0.1:${ports.proxy}/`);
  const answer = await get(ports.proxy, '/', host);
  if (answer?.status !== 200 || !/^You are visitor \d+/.test(answer.body)) {
    const got = answer === undefined ? 'no answer' : `${answer.status}: ${answer.body}`;
    throw new QuickstartError('ORCA_QUICKSTART_PAGE', `the page is not served as it should be; got ${got}`);
  }
  log(answer.body.trimEnd());
}

function explain(ports: Ports): void {
  const env = Object.entries(orcaEnv(ports)).map(([name, value]) => `${name}=${value}`);
  log(`
In a browser:  http://${host}:${ports.proxy}/
More commands: export ${env.join(' ')}
               alias orca='node_modules/.bin/node ${relative(process.cwd(), paths.cli)}'
               orca logs web -f
Change a file in examples/quickstart and run this again to deploy it.
Stop:          npm run quickstart -- stop   (keeps the data; rm -r ${relative(process.cwd(), paths.root)} and
               docker volume rm quickstart-store-data forget it)`);
}

async function stop(): Promise<void> {
  if (await hasContainers()) {
    const ports = await step('orca server', log, () => ensureServer(log));
    await step('orca stop', log, () => orca(['stop'], { ports }));
  }
  const server = await runningServer();
  if (server !== undefined) await step('end the server', log, () => endServer(server));
  await endOrcaProxy(paths.home);
  await forgetServer();
  const engine = await stopEngine(paths.engine);
  log(engine ? 'Stopped, with the Docker engine that the quickstart had started.' : 'Stopped. The data is kept.');
}

async function hasContainers(): Promise<boolean> {
  const filter = ['--filter', 'label=orca.cluster=quickstart'];
  const { code, stdout } = await createDocker().run(['ps', '--quiet', ...filter]);
  return code === 0 && stdout.trim() !== '';
}

async function main(args: readonly string[]): Promise<void> {
  const startedAt = performance.now();
  const [verb = 'start', ...rest] = args;
  if (rest.length > 0 || (verb !== 'start' && verb !== 'stop')) {
    throw new QuickstartError('ORCA_QUICKSTART_USAGE', 'usage: npm run quickstart [-- stop]');
  }
  await (verb === 'start' ? start() : stop());
  log(`\nTotal: ${seconds(performance.now() - startedAt)}`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(`\nquickstart: ${Error.isError(error) ? error.message : String(error)}`);
  process.exitCode = 1;
}
