import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';
import type Docker from 'dockerode';

export interface LogOptions {
  /** Lines from the end. */
  readonly tail: number;
  /** Go on with new lines until the container ends or the signal aborts. */
  readonly follow: boolean;
  readonly signal: AbortSignal;
}

export interface ContainerLine {
  readonly stream: 'stdout' | 'stderr';
  readonly text: string;
}

/** What a container printed, line by line, both its streams apart. */
export async function* containerLines(
  docker: Docker,
  id: string,
  { tail, follow, signal }: LogOptions,
): AsyncGenerator<ContainerLine> {
  const merged = new PassThrough({ objectMode: true });
  const out = lineSink('stdout', merged);
  const err = lineSink('stderr', merged);
  void Promise.all([out.done, err.done]).then(() => merged.end());
  const finish = (): void => {
    out.sink.end();
    err.sink.end();
  };
  const container = docker.getContainer(id);
  const options = { stdout: true, stderr: true, tail };
  if (follow) {
    const source = await container.logs({ ...options, follow: true, abortSignal: signal });
    docker.modem.demuxStream(source, out.sink, err.sink);
    source.on('end', finish).on('close', finish).on('error', finish);
  } else {
    demux(await container.logs({ ...options, follow: false }), out.sink, err.sink);
    finish();
  }
  yield* merged;
}

const lineSink = (
  stream: ContainerLine['stream'],
  merged: PassThrough,
): { readonly sink: PassThrough; readonly done: Promise<void> } => {
  const sink = new PassThrough();
  const reader = createInterface({ input: sink, crlfDelay: Number.POSITIVE_INFINITY });
  const done = new Promise<void>((resolve) => {
    reader.once('close', resolve);
  });
  reader.on('line', (text) => merged.write({ stream, text }));
  return { sink, done };
};

/** The engine's multiplexed log: 8 bytes of header (stream, length), then that many bytes. */
const demux = (bytes: Buffer, out: PassThrough, err: PassThrough): void => {
  for (let at = 0; at + 8 <= bytes.length;) {
    const end = at + 8 + bytes.readUInt32BE(at + 4);
    (bytes[at] === 2 ? err : out).write(bytes.subarray(at + 8, end));
    at = end;
  }
};
