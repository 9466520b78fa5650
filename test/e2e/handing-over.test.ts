import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ensureImages } from '@orca/tooling-testbed';
import { docker, Orca } from './orca.ts';

const service = (name: string, more: string): string => `[[service]]
name = "${name}"
image = "orca-test/app:1"
port = 8080
${more}
[service.deploy]
min_healthy_secs = 0
[service.env]
STOP_AFTER = "2"
`;
const volume = '[[service.volumes]]\nsource = "orca-e2e-handed"\ntarget = "/data"\n';
const ports = [18_461, 18_462] as const;
const published = (port: number): string => `extra_ports = ["127.0.0.1:${port}:8080"]`;

describe('what only one service at a time may have', () => {
  let orca: Orca;
  /** Starts and ends of containers, in order, while something is done. */
  const during = async (task: () => Promise<unknown>): Promise<readonly string[]> => {
    const since = String(Date.now() / 1000);
    await task();
    const filters = ['event=start', 'event=die', `label=orca.cluster=${orca.cluster}`].flatMap((f) => ['--filter', f]);
    const format = '{{.Action}} {{index .Actor.Attributes "orca.service"}}';
    const until = String(Date.now() / 1000 + 0.1);
    return (await docker('events', '--since', since, '--until', until, ...filters, '--format', format)).split('\n');
  };

  beforeAll(async () => {
    await ensureImages(['orca-test/app:1']);
    orca = await Orca.create('e2e-handing');
    await orca.start();
  });
  afterAll(() => orca.dispose());

  it('23: a service that got another name never writes beside its former self', async () => {
    orca.write('services/one/service.toml', service('e2e-db', volume));
    expect(await orca.orca(['deploy'])).toMatchObject({ code: 0 });
    orca.write('services/one/service.toml', service('e2e-pg', volume));
    const refused = await orca.orca(['deploy', 'e2e-pg']);
    expect(refused).toMatchObject({ code: 1, stdout: expect.stringContaining('still that of e2e-db') });
    const happened = await during(async () => expect(await orca.orca(['deploy'])).toMatchObject({ code: 0 }));
    expect(happened).toEqual(['die e2e-db', 'start e2e-pg']);
    expect(await orca.containers()).toEqual(['orca-e2e-pg']);
  });

  it('24: a host port goes from one service to another in one deploy, and half of that is refused', async () => {
    const [first, second] = ports;
    orca.write('services/two/service.toml', service('e2e-a', published(first)) + service('e2e-b', published(second)));
    expect(await orca.orca(['deploy'])).toMatchObject({ code: 0 });
    orca.write('services/two/service.toml', service('e2e-a', published(second)) + service('e2e-b', ''));
    const before = await orca.identity('orca-e2e-a');
    const half = await orca.orca(['deploy', 'e2e-a']);
    expect(half).toMatchObject({ code: 1, stdout: expect.stringContaining('orca deploy e2e-a e2e-b') });
    expect(await orca.identity('orca-e2e-a')).toBe(before);
    expect(await orca.orca(['plan'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`waits for e2e-b, which still has host port ${second}/tcp`),
    });
    expect(await orca.orca(['deploy'])).toMatchObject({ code: 0 });
    expect(await docker('port', 'orca-e2e-a')).toContain(`127.0.0.1:${second}`);
  });
});
