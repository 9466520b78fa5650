import { describe, expect, it } from '@jest/globals';
import { diskFault } from '../src/disk.ts';
import { createInspections } from '../src/inspections.ts';
import { parseEvent } from '../src/watch.ts';

const GiB = 2 ** 30;
const event = (change: object): string =>
  JSON.stringify({
    Type: 'container',
    Action: 'die',
    Actor: { ID: 'c1', Attributes: { 'orca.cluster': 'mine', 'orca.service': 'web', exitCode: '137' } },
    ...change,
  });

describe('40: events of the engine', () => {
  it('tell of containers of this cluster, and of nobody else', () => {
    expect(parseEvent(event({}), 'mine')).toEqual({
      type: 'changed',
      containerId: 'c1',
      service: 'web',
      action: 'die',
      exitCode: 137,
    });
    expect(parseEvent(event({}), 'another')).toBeUndefined();
  });

  it('of networks name the container only', () => {
    const line = event({ Type: 'network', Action: 'disconnect', Actor: { ID: 'n1', Attributes: { container: 'c1' } } });
    expect(parseEvent(line, 'mine')).toMatchObject({ containerId: 'c1', service: undefined, action: 'disconnect' });
  });

  it.each(['', '{"Type":"contai', 'null', '[]', '{"Action":7}'])(
    'that are cut or strange are passed over: %j',
    (line) => {
      expect(parseEvent(line, 'mine')).toBeUndefined();
    },
  );
});

describe('what was heard of a container', () => {
  it('is believed until something happens to it, its state is another one, or it is old', async () => {
    let [now, asked, state] = [0, 0, 'running'];
    const inspections = createInspections({
      inspect: async () => {
        asked += 1;
        return { State: { Status: state } } as never;
      },
      maxAgeMs: 1_000,
      now: () => now,
    });
    await inspections.of('c1', 'running');
    await inspections.of('c1', 'running');
    expect(asked).toBe(1);
    inspections.forget('c1');
    await inspections.of('c1', 'running');
    expect(asked).toBe(2);
    state = 'exited';
    await inspections.of('c1', 'exited');
    expect(asked).toBe(3);
    now = 1_001;
    await inspections.of('c1', 'exited');
    expect(asked).toBe(4);
  });
});

describe('44: a disk', () => {
  it.each([
    [100 * GiB, 500 * GiB, false],
    [3 * GiB, 40 * GiB, false],
    [3 * GiB, 100 * GiB, true],
    [1.5 * GiB, 10 * GiB, true],
    [0, 0, true],
  ])('with %d bytes free of %d is nearly full: %s', (freeBytes, totalBytes, isFull) => {
    expect(diskFault('/var/lib/docker', { freeBytes, totalBytes }) !== undefined).toBe(isFull);
  });
});
