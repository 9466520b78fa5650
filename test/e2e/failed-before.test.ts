import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ensureImages } from '@orca/tooling-testbed';
import { docker, Orca } from './orca.ts';

const name = 'e2e-failed';
const text = (image: string, env: string): string =>
  `[[service]]\nname = "${name}"\nimage = "${image}"\n[service.deploy]\nmonitor_secs = 10\n[service.env]\n${env}\n`;

describe('what failed before, beside one that serves', () => {
  let orca: Orca;
  const starts = async (since: number): Promise<number> => {
    const until = String(Math.ceil(Date.now() / 1000) + 1);
    const filters = ['--filter', 'event=start', '--filter', `label=orca.service=${name}`];
    const found = await docker('events', '--since', String(since), '--until', until, ...filters, '--format', '{{.ID}}');
    return found === '' ? 0 : found.split('\n').length;
  };

  beforeAll(async () => {
    await ensureImages(['orca-test/app:1', 'orca-test/misfit:1']);
    orca = await Orca.create('e2e-failed-before');
    await orca.start();
  });
  afterAll(() => orca.dispose());

  it('29: is not tried again by a deploy of everything, says so, and is when it is named', async () => {
    orca.write('services/one/service.toml', text('orca-test/app:1', 'V = "1"'));
    expect(await orca.orca(['deploy'])).toMatchObject({ code: 0 });
    const good = await orca.identity(`orca-${name}`);
    orca.write('services/one/service.toml', text('orca-test/misfit:1', 'EXIT_AFTER = "1"'));
    expect((await orca.orca(['deploy'])).code).toBe(1);
    const since = Math.floor(Date.now() / 1000) + 1;
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const again = await orca.orca(['deploy']);
    expect(again.code).toBe(1);
    expect(`${again.stdout}${again.stderr}`).toContain(`to try it again: orca deploy ${name}`);
    expect(await starts(since)).toBe(0);
    expect(await orca.identity(`orca-${name}`)).toBe(good);
    expect((await orca.orca(['deploy', name])).code).toBe(1);
    expect(await starts(since)).toBe(1);
    expect(await orca.identity(`orca-${name}`)).toBe(good);
  });

  it('28: keeps its output, and status says how to see it', async () => {
    const { stdout } = await orca.orca(['status']);
    expect(stdout).toContain(`orca logs ${name} --failed`);
    const failed = await orca.orca(['logs', name, '--failed']);
    expect(failed).toMatchObject({ code: 0 });
    orca.write('services/one/service.toml', text('orca-test/app:1', 'V = "1"'));
    expect(await orca.orca(['deploy'])).toMatchObject({ code: 0 });
    expect(await orca.orca(['logs', name, '--failed'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no failed or unproven container'),
    });
  });
});
