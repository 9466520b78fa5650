import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureEngine, ensureImages } from '@orca/tooling-testbed';
import { Orca } from '../../e2e/orca.ts';
import { listAt, numberAt, parseLines, textAt, valueAt } from './json.ts';

/** Runs `work` with a started server of its own, and removes all that it made, also when it fails. */
export const withOrca = async <T>(
  cluster: string,
  images: readonly string[],
  work: (orca: Orca) => Promise<T>,
  options: { readonly logLevel?: 'debug' } = {},
): Promise<T> => {
  await ensureEngine();
  await ensureImages(images);
  const orca = await Orca.create(cluster);
  if (options.logLevel !== undefined) {
    const text = orca.read('cluster.toml');
    orca.write('cluster.toml', text.replace('[proxy]', `log_level = "${options.logLevel}"\n[proxy]`));
  }
  try {
    await orca.start();
    return await work(orca);
  } finally {
    await orca.dispose();
  }
};

/** Writes the services of the scenario's own project, whose network then bears the scenario's name too. */
export const writeServices = (orca: Orca, services: readonly string[]): void =>
  orca.write(`services/${orca.cluster}/service.toml`, services.join('\n'));

export const serviceText = (name: string, image: string, lines: readonly string[]): string =>
  [`[[service]]`, `name = "${name}"`, `image = "${image}"`, ...lines, ''].join('\n');

/** A deploy that the scenario stands on: without it there is nothing to measure. */
export const mustDeploy = async (orca: Orca): Promise<void> => {
  const { code, stdout, stderr } = await orca.orca(['deploy']);
  if (code !== 0) throw new Error(`orca deploy ended with ${code}: ${stdout}${stderr}`);
};

/** What `orca status --json` says of one service. */
export interface ServiceState {
  readonly status: string;
  readonly isUpToDate: boolean;
  readonly lastFailure: string | undefined;
}

export const stateOf = async (orca: Orca, name: string): Promise<ServiceState> => {
  const { code, stdout, stderr } = await orca.orca(['status', '--json']);
  if (code !== 0) throw new Error(`orca status ended with ${code}: ${stderr}`);
  const whole: unknown = JSON.parse(stdout);
  const service = listAt(whole, 'services').find((s) => textAt(s, 'name') === name);
  return {
    status: textAt(service, 'status') ?? 'unknown',
    isUpToDate: valueAt(service, 'upToDate') === true,
    lastFailure: textAt(service, 'lastFailure'),
  };
};

/** Lines of the server's log that contain `word`, of all servers this state directory has had. */
export const logged = (orca: Orca, word: RegExp): readonly string[] =>
  parseLines(readFileSync(join(orca.home, 'orca.log'), 'utf8'))
    .map((line) => JSON.stringify(line))
    .filter((line) => word.test(line));

/** The server's own pid, as its lock tells it. */
export const serverPid = (orca: Orca): number => {
  const pid = numberAt(JSON.parse(readFileSync(join(orca.home, 'orca.pid'), 'utf8')), 'pid');
  if (pid === undefined) throw new Error('the lock of the server names no pid');
  return pid;
};
