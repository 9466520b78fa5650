import { request } from 'node:http';
import { connect } from 'node:net';
import type { Probe } from '@orca/spec';

export interface CheckResult {
  readonly isOk: boolean;
  /** Why it failed, in words. */
  readonly reason: string | undefined;
}

const ok: CheckResult = { isOk: true, reason: undefined };

/**
 * Asks a path once, on a connection of its own: a kept-alive one could still answer for a
 * server that takes no new ones. 200–399 is well; redirects are not followed. Never throws.
 */
export const checkHttp = (
  host: string,
  probe: Pick<Probe, 'path' | 'port' | 'timeoutMs'>,
  userAgent: string,
): Promise<CheckResult> =>
  new Promise((resolve) => {
    const { path, port, timeoutMs } = probe;
    const fail = (why: string): void => resolve({ isOk: false, reason: `GET http://${host}:${port}${path} ${why}` });
    const req = request(
      { host, port, path, agent: false, headers: { 'user-agent': userAgent, connection: 'close' } },
      (res) => {
        const status = res.statusCode ?? 0;
        clearTimeout(timer);
        res.destroy();
        if (status >= 200 && status < 400) resolve(ok);
        else fail(`answered ${status}`);
      },
    );
    const timer = setTimeout(() => {
      req.destroy();
      fail(`did not answer within ${timeoutMs / 1000} s`);
    }, timeoutMs);
    req.on('error', (error) => {
      clearTimeout(timer);
      fail(connectionWords(error));
    });
    req.end();
  });

/** Whether a port accepts a connection. Never throws. */
export const checkTcp = (host: string, port: number, timeoutMs: number): Promise<CheckResult> =>
  new Promise((resolve) => {
    const fail = (why: string): void => resolve({ isOk: false, reason: `${host}:${port} ${why}` });
    const socket = connect({ host, port });
    const timer = setTimeout(() => {
      socket.destroy();
      fail(`did not accept a connection within ${timeoutMs / 1000} s`);
    }, timeoutMs);
    socket.on('connect', () => {
      clearTimeout(timer);
      socket.destroy();
      resolve(ok);
    });
    socket.on('error', (error) => {
      clearTimeout(timer);
      fail(connectionWords(error));
    });
  });

const connectionWords = (error: Error): string => {
  const code = 'code' in error ? error.code : undefined;
  if (code === 'ECONNREFUSED') return 'refused the connection';
  return code === 'ECONNRESET' ? 'closed the connection without an answer' : `failed (${error.message})`;
};
