import { execFile } from 'node:child_process';

export interface WatchdogOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** When the loop last finished a look at the world. */
  readonly lastProgressAt: () => number;
  /** Without progress for so long the process is not believed to be well. */
  readonly patienceMs: number;
}

/**
 * Tells systemd that the server is up, and from then on that it makes progress: a process
 * that only lives is not enough. A loop that hangs is restarted by systemd; containers and
 * what was deployed survive that. Without systemd it does nothing.
 *
 * Through the program systemd-notify, because Node has no datagram sockets of that kind;
 * the unit needs `NotifyAccess=all`. See sd_notify(3), systemd.service(5) WatchdogSec=.
 */
export const startWatchdog = (o: WatchdogOptions): { stop(): void } => {
  if (o.env['NOTIFY_SOCKET'] === undefined) return { stop: () => undefined };
  const notify = (state: string): void => {
    // Not being able to tell is what the watchdog is for: systemd acts on silence.
    execFile('systemd-notify', [state], { env: o.env }, () => undefined);
  };
  notify('READY=1');
  const everyMs = Number(o.env['WATCHDOG_USEC'] ?? 0) / 2_000;
  const timer =
    everyMs > 0
      ? setInterval(() => {
          if (o.now() - o.lastProgressAt() < o.patienceMs) notify('WATCHDOG=1');
        }, everyMs)
      : undefined;
  return {
    stop: () => {
      clearInterval(timer);
      notify('STOPPING=1');
    },
  };
};
