import { Agent, request as plain } from 'node:http';
import { Agent as SecureAgent, type request as secure } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Loading {
  /** Resolves when so many more have been answered, in whatever way. */
  more(count: number): Promise<void>;
  stop(): Promise<Load>;
}

export interface Load {
  readonly asked: number;
  readonly failures: readonly string[];
}

type Request = typeof plain | typeof secure;

const everyMs = 10;
const patienceMs = 120_000;

/** Asks a hundred times a second, half of it on kept connections, until it is stopped. */
export const load = (port: number, request: Request = plain): Loading => {
  const failures: string[] = [];
  const options = { keepAlive: true, maxSockets: 4 };
  const kept = request === plain ? new Agent(options) : new SecureAgent(options);
  let asked = 0;
  let answered = 0;
  let isStopped = false;
  const ask = async (nth: number): Promise<void> => {
    const agent = nth % 2 === 0 ? kept : false;
    const said = await get(request, port, agent).catch((error: unknown) => String(error));
    if (said !== '200') failures.push(`request ${nth}: ${said}`);
    answered += 1;
  };
  const asking: Promise<void>[] = [];
  const run = async (): Promise<void> => {
    while (!isStopped) {
      asked += 1;
      asking.push(ask(asked));
      await sleep(everyMs);
    }
  };
  const running = run();
  return {
    more: async (count) => {
      const goal = answered + count;
      while (answered < goal) await sleep(everyMs);
    },
    stop: async () => {
      isStopped = true;
      await running;
      await Promise.all(asking);
      kept.destroy();
      return { asked, failures };
    },
  };
};

const get = (request: Request, port: number, agent: Agent | false): Promise<string> =>
  new Promise((resolve, reject) => {
    const headers = { host: 'app.test' };
    const where = { port, host: '127.0.0.1', path: '/', servername: 'app.test', rejectUnauthorized: false };
    const req = request({ ...where, agent, headers, timeout: patienceMs }, (res) => {
      res.resume();
      res.on('error', reject);
      res.on('end', () => resolve(String(res.statusCode)));
    });
    req.on('timeout', () => req.destroy(new Error('no answer')));
    req.on('error', reject);
    req.end();
  });
