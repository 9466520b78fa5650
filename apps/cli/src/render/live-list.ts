import type { DeployEvent } from '@orca/api';
import type { Palette } from './ansi.ts';
import { seconds, underWay } from './lines.ts';

type StepEvent = Extract<DeployEvent, { type: 'step' }>;

interface Row {
  readonly service: string;
  text: string;
  state: 'waiting' | 'running' | 'done' | 'failed';
  since: number;
  took: number;
}

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const redrawMs = 100;
const escape = '\u001b';
const colourCode = new RegExp(`(${escape}\\[\\d+m)`);

export interface LiveListOptions {
  readonly stream: NodeJS.WriteStream;
  readonly palette: Palette;
  readonly now: () => number;
}

/** A line a service, redrawn in place while steps go by. */
export class LiveList {
  readonly #o: LiveListOptions;
  readonly #rows = new Map<string, Row>();
  #drawn = 0;
  #frame = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(o: LiveListOptions) {
    this.#o = o;
  }

  begin(services: readonly string[]): void {
    this.#await(services, 'waiting');
  }

  /** Something else is under way for them, which has to end first. */
  wait(services: readonly string[]): void {
    this.#await(services, underWay);
  }

  step({ step, state, detail }: StepEvent): void {
    const row = this.#rows.get(step.service);
    if (row === undefined) return;
    if (state === 'started') {
      if (row.state !== 'running') row.since = this.#o.now();
      row.state = 'running';
      row.text = `${step.action}  ${this.#o.palette.dim(step.reason)}`;
    } else if (state === 'failed') {
      row.state = 'failed';
      row.text = detail ?? step.action;
    } else if (row.state === 'running') {
      row.took = this.#o.now() - row.since;
    }
    this.#draw();
  }

  /** Draws the last state; what still ran is done. */
  end(): void {
    clearInterval(this.#timer);
    for (const row of this.#rows.values()) {
      if (row.state !== 'running') continue;
      row.state = 'done';
      row.text = this.#o.palette.dim(seconds(row.took));
    }
    this.#draw();
  }

  /** Rows for what has not begun; what has is not taken back. */
  #await(services: readonly string[], text: string): void {
    for (const service of services) {
      const row = this.#rows.get(service);
      if (row === undefined)
        this.#rows.set(service, { service, text, state: 'waiting', since: this.#o.now(), took: 0 });
      else if (row.state === 'waiting') row.text = text;
    }
    this.#timer ??= setInterval(() => this.#draw(), redrawMs);
    this.#draw();
  }

  #draw(): void {
    const { stream, palette, now } = this.#o;
    this.#frame += 1;
    const width = Math.max(0, ...[...this.#rows.keys()].map((s) => s.length));
    // More rows than the terminal has cannot be redrawn in place: the last ones are what moves.
    const rows = [...this.#rows.values()].slice(-Math.max(1, (stream.rows || 24) - 2));
    const lines = rows.map((row) => {
      const mark = {
        waiting: palette.dim('·'),
        running: palette.yellow(frames[this.#frame % frames.length] ?? '*'),
        done: palette.green('✓'),
        failed: palette.red('✗'),
      }[row.state];
      const elapsed = row.state === 'running' ? ` ${palette.dim(seconds(now() - row.since))}` : '';
      return cut(`${mark} ${row.service.padEnd(width)}  ${row.text}`, (stream.columns || 80) - 8) + elapsed;
    });
    const up = this.#drawn === 0 ? '' : `\u001b[${this.#drawn}A`;
    stream.write(`${up}${lines.map((line) => `\u001b[2K${line}\n`).join('')}`);
    this.#drawn = lines.length;
  }
}

/** Cuts by what is seen: escape sequences take no room, and a line that wraps would break the redraw. */
const cut = (text: string, width: number): string => {
  let seen = 0;
  let out = '';
  for (const part of text.split(colourCode)) {
    if (part.startsWith('\u001b')) {
      out += part;
      continue;
    }
    const characters = Array.from(part);
    out += characters.slice(0, Math.max(0, width - seen)).join('');
    seen += characters.length;
  }
  return out;
};
