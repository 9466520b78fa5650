import { request } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** One GET to a loopback port; `undefined` when nothing answers there. */
export function get(port: number, path: string, host: string): Promise<Answer | undefined> {
  return new Promise((resolve) => {
    const options = { host: '127.0.0.1', port, path, headers: { host, accept: '*/*' }, timeout: 5000, agent: false };
    const call = request(options, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.once('error', () => resolve(undefined));
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    call.once('timeout', () => call.destroy());
    call.once('error', () => resolve(undefined));
    call.end();
  });
}
