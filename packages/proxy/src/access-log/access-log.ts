import type { Observer } from '../events.ts';
import type { AccessLog } from '../journal.ts';
import { formatEntry } from './entry.ts';
import { LogFile } from './log-file.ts';
import { createLogRotator } from './rotator.ts';
import { parseAccessLog, type AccessLogSettings } from './settings.ts';

export interface OpenAccessLog extends AccessLog {
  /** Goes on in the file that has the path now. */
  reopen(): Promise<void>;
  /** Writes what waits, as far as that is possible at once. */
  close(): Promise<void>;
}

/** A log of requests; nothing is opened before there is a line. */
export const openAccessLog = (given: AccessLogSettings, now: () => number, observe: Observer): OpenAccessLog => {
  const settings = parseAccessLog(given);
  const { path, rotation } = settings;
  const file = new LogFile({ path, now, onChange: observe });
  const rotator =
    rotation &&
    createLogRotator({
      ...rotation,
      path,
      onRotated: () => file.reopen(),
      onError: (cause) => observe({ kind: 'access-log-failed', cause }),
    });
  return {
    write: (entry) => file.append(formatEntry(entry, settings)),
    get dropped() {
      return file.dropped;
    },
    reopen: () => file.reopen(),
    close: async () => {
      await rotator?.close();
      await file.close();
    },
  };
};
