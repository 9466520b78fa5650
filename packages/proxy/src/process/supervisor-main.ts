import { writeSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { ProxyError } from '../errors.ts';
import { parseState } from '../state.ts';
import { createCalls, membersOf } from './calls.ts';
import { parseAddress, parseConfig } from './config.ts';
import { entries } from './entries.ts';
import { channelLine } from './line.ts';
import { adoptHandle, type ListeningHandle } from './listening-handle.ts';
import { lineLog } from './log.ts';
import { claim } from './owner.ts';
import { placeIn } from './place.ts';
import { Supervisor } from './supervisor.ts';

const [dir = '', build = ''] = process.argv.slice(2);
process.title = 'orca-proxy';
process.umask(0o077);
const log = lineLog(
  (line) => {
    try {
      writeSync(1, line);
    } catch {
      // A full disk takes no log; it must not take the proxy.
    }
  },
  () => new Date(),
);

const supervisor = new Supervisor({
  dir,
  program: { entry: entries.supervisor, build },
  log,
  workerEntry: entries.worker,
  now: () => performance.now(),
  onEnd: () => process.exit(0),
});

// An heir whose predecessor is gone already: who ended may have been told to, and nobody is to come after it.
if (process.send !== undefined && !process.connected) process.exit(1);

let asked = 0;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    asked += 1;
    // Whoever asks again does not want to wait.
    void supervisor.stop(asked === 1 ? undefined : 0);
  });
}

if (process.connected) {
  let isOwner = false;
  const handles = new Map<unknown, ListeningHandle>();
  const predecessor = createCalls(channelLine(process), {
    handle: (params, { handle }) => {
      const { door, address } = membersOf(params);
      handles.set(door, adoptHandle(handle, parseAddress(address)));
    },
    inherit: async (params) => {
      const { config, state, epoch, ticketKeys, isOrphaned } = membersOf(params);
      const [http, https] = [handles.get('http'), handles.get('https')];
      if (http === undefined) throw new ProxyError('ORCA_PROXY_PROTOCOL', 'no listening handle came along');
      const inheritance = {
        config: parseConfig(config),
        state: parseState(state),
        epoch: Number(epoch),
        ticketKeys: String(ticketKeys),
        isOrphaned: isOrphaned === true,
        handles: { http, ...(https && { https }) },
      };
      await supervisor.inherit(inheritance, predecessor);
    },
    takeOver: async () => {
      await supervisor.own();
      isOwner = true;
    },
    stop: (params) => {
      // Answered first.
      setImmediate(() => void supervisor.stop(Number(membersOf(params)['graceMs'])));
    },
  });
  // Whoever raises it and does not see it through would leave two who serve and one who is obeyed. Its
  // workers, if it has any, join who owns the directory.
  void predecessor.ended.then(() => {
    if (!isOwner) process.exit(1);
  });
  predecessor.note('ready', {});
} else {
  const owner = claim(placeIn(dir).ownerPath);
  if (owner === undefined) await supervisor.restore();
  else {
    log.error('another proxy serves from this directory', { dir, pid: owner.pid });
    process.exitCode = 3;
  }
}
