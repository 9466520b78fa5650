import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ensureImages } from '@orca/tooling-testbed';
import { docker, Orca } from './orca.ts';

const service = (name: string, env: string): string => `[[service]]
name = "${name}"
image = "orca-test/app:1"
port = 8080
[service.deploy]
min_healthy_secs = 0
[service.env]
${env}
`;

describe('a new instance of what has not changed', () => {
  let orca: Orca;
  const names = ['orca-e2e-again', 'orca-e2e-secret'];
  const identities = (): Promise<readonly string[]> => Promise.all(names.map((name) => orca.identity(name)));
  const upToDate = async (): Promise<Readonly<Record<string, boolean>>> => {
    const { stdout } = await orca.orca(['status', '--json']);
    const { services }: { services: readonly { name: string; upToDate: boolean }[] } = JSON.parse(stdout);
    return Object.fromEntries(services.map((s) => [s.name, s.upToDate]));
  };

  beforeAll(async () => {
    await ensureImages(['orca-test/app:1']);
    orca = await Orca.create('e2e-asked');
    orca.write('services/one/service.toml', service('e2e-again', 'V = "1"'));
    orca.write('services/two/service.toml', service('e2e-secret', 'PASSWORD = "${secrets.E2E_PASSWORD}"'));
    await orca.orca(['secrets', 'set', 'E2E_PASSWORD'], { input: 'first-value' });
    await orca.start();
    expect(await orca.orca(['deploy'])).toMatchObject({ code: 0 });
  });
  afterAll(() => orca.dispose());

  it('32: is made when asked for by name, once, and stays', async () => {
    const [again, secret] = await identities();
    expect(await orca.orca(['redeploy', 'e2e-again'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^e2e-again +start +done .*\(is asked for anew; [\s\S]*1 recreated/m),
    });
    const [after, other] = await identities();
    expect(after).not.toBe(again);
    expect(other).toBe(secret);
    expect((await orca.orca(['deploy'])).stdout).toMatch(/nothing to do/);
    expect(await orca.identity('orca-e2e-again')).toBe(after);
    expect((await orca.orca(['redeploy'])).code).not.toBe(0);
  });

  it('9, 32: is made at most twice for a hundred who ask at once', async () => {
    const since = String(Date.now() / 1000);
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => orca.post('/api/v1/deploy', { services: ['e2e-again'], recreate: true })),
    );
    expect(answers).toEqual(answers.map(() => 200));
    const until = String(Math.ceil(Date.now() / 1000));
    const filters = ['--filter', 'event=create', '--filter', 'label=orca.service=e2e-again'];
    const created = await docker('events', '--since', since, '--until', until, ...filters, '--format', '{{.ID}}');
    expect(created.split('\n').length).toBeLessThanOrEqual(2);
    expect(await orca.containers()).toEqual(names);
  });

  it('9, 32: is told true to each who asks while others do, one after the other', async () => {
    const ask = (): Promise<number> => orca.post('/api/v1/deploy', { services: ['e2e-again'], recreate: true });
    const answers: Promise<number>[] = [];
    for (let i = 0; i < 60; i += 1) {
      answers.push(ask());
      await new Promise((done) => setTimeout(done, i % 7));
    }
    expect(await Promise.all(answers)).toEqual(answers.map(() => 200));
    expect(await orca.containers()).toEqual(names);
  });

  it('33: is made of the users of a changed secret at their next deploy, not before; the same value changes nothing', async () => {
    const before = await identities();
    await orca.orca(['secrets', 'set', 'E2E_PASSWORD'], { input: 'first-value' });
    expect(await upToDate()).toEqual({ 'e2e-again': true, 'e2e-secret': true });
    await orca.orca(['secrets', 'set', 'E2E_PASSWORD'], { input: 'second-value' });
    expect(await upToDate()).toEqual({ 'e2e-again': true, 'e2e-secret': false });
    expect(await identities()).toEqual(before);
    expect(await orca.orca(['deploy'])).toMatchObject({ code: 0 });
    const [again, secret] = await identities();
    expect(again).toBe(before[0]);
    expect(secret).not.toBe(before[1]);
    expect(await docker('inspect', '--format', '{{.Config.Env}}', 'orca-e2e-secret')).toContain(
      'PASSWORD=second-value',
    );
  });
});
