import { createServer } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { parseDesiredState, type ServiceSpec } from '@orca/spec';
import { parseListeners, readListeners, takenPort } from '../src/host-ports.ts';

const withPorts = (...ports: readonly string[]): ServiceSpec => {
  const text = `[[service]]\nname = "web"\nimage = "app:1"\nextra_ports = ${JSON.stringify(ports)}`;
  const parsed = parseDesiredState([{ path: 'services/site/service.toml', text }], { root: '/', cluster: undefined });
  const [spec] = parsed.ok ? parsed.value.services : [];
  if (spec === undefined) throw new Error(JSON.stringify(parsed));
  return spec;
};

const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1
   1: 00000000:005A 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1
   2: 0100007F:C350 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 3 1`;

describe('24: host ports that somebody else has', () => {
  const listeners = parseListeners(table, 'tcp');

  it('are read from the kernel: who listens, not who is connected', () => {
    expect(listeners).toEqual([
      { protocol: 'tcp', port: 8080, isWildcard: false, ip: '127.0.0.1' },
      { protocol: 'tcp', port: 90, isWildcard: true, ip: '0.0.0.0' },
    ]);
  });

  it.each([
    ['90:1', true],
    ['127.0.0.1:90:1', true],
    ['8080:1', true],
    ['127.0.0.1:8080:1', true],
    ['10.0.0.1:8080:1', false],
    ['90:1/udp', false],
    ['8081:1', false],
  ])('%s is taken: %s', (port, isTaken) => {
    expect(takenPort(withPorts(port), listeners, new Set()) !== undefined).toBe(isTaken);
  });

  it('do not include those that our own containers have', () => {
    expect(takenPort(withPorts('8080:1'), listeners, new Set([8080]))).toBeUndefined();
  });

  it('are found on this machine', async () => {
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    expect(takenPort(withPorts(`${port}:1`), await readListeners(), new Set())).toMatch(
      new RegExp(`host port ${port}/tcp is already in use`),
    );
    await new Promise((done) => server.close(done));
  });
});
