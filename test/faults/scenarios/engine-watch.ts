import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Orca } from '../../e2e/orca.ts';
import { numberAt, parseLines, textAt } from './json.ts';

/** One event of a container of the cluster, as the engine tells it. */
export interface ContainerEvent {
  /** Such as `create`, `start`, `die`, `kill`, `oom`. */
  readonly action: string;
  readonly service: string;
  readonly container: string;
  /** Wall-clock milliseconds of the engine. */
  readonly atMs: number;
}

/** Listens to the engine itself, so that nothing depends on what orca says of its doings. */
export interface EngineWatch extends AsyncDisposable {
  events(action: string, service?: string): readonly ContainerEvent[];
}

/** `await using watch = await watchEngine(orca)` listens until the end of the block. */
export const watchEngine = async (orca: Orca): Promise<EngineWatch> => {
  const filter = ['--filter', 'type=container', '--filter', `label=orca.cluster=${orca.cluster}`];
  const child = spawn('docker', ['events', ...filter, '--format', '{{json .}}'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const ended = new Promise((done) => child.once('close', done));
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  // The command says nothing when it has subscribed, which takes it a few milliseconds.
  await sleep(500);
  const all = (): readonly ContainerEvent[] =>
    parseLines(text).map((line) => ({
      action: textAt(line, 'Action') ?? '',
      service: textAt(line, 'Actor', 'Attributes', 'orca.service') ?? '',
      container: textAt(line, 'Actor', 'ID') ?? '',
      atMs: (numberAt(line, 'timeNano') ?? 0) / 1e6,
    }));
  return {
    events: (action, service) =>
      all().filter((e) => e.action === action && (service === undefined || e.service === service)),
    async [Symbol.asyncDispose]() {
      child.kill();
      await ended;
    },
  };
};
