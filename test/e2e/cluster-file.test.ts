import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Orca } from './orca.ts';

const told = '[proxy] changed since the server started; a restart takes it into use: systemctl restart orca';

describe('cluster.toml while the server runs', () => {
  let orca: Orca;
  let own: string;
  beforeAll(async () => {
    orca = await Orca.create('e2e-cluster-file');
    own = orca.read('cluster.toml');
    orca.write('cluster.toml', `${own}[backup]\nretention_days = 7\n`);
    orca.write('services/web/service.toml', '[[service]]\nname = "e2e-web"\nimage = "orca-test/app:1"\n');
    await orca.start();
  });
  afterAll(() => orca.dispose());

  it('is warned about when the server starts, not only by the first deploy', () => {
    expect(orca.output).toMatch(/not supported yet: \[backup\]/);
  });

  it('needs a restart after a change, which status and plan say until it is made', async () => {
    expect((await orca.orca(['status'])).stdout).not.toContain('restart');
    orca.write('cluster.toml', `${own}via_name = "edge"\n`);
    expect((await orca.orca(['status'])).stdout).toContain(`! cluster.toml: ${told}`);
    expect((await orca.orca(['plan'])).stderr).toContain(`warning: cluster.toml:1:1: ${told}`);
    await orca.end('SIGTERM');
    await orca.start();
    expect((await orca.orca(['status'])).stdout).not.toContain('restart');
    expect((await orca.orca(['plan'])).stderr).toBe('');
  });

  it('needs none where the change counts from the next deploy on', async () => {
    orca.write('cluster.toml', `${orca.read('cluster.toml')}[security]\nallow_mounts = ["/srv"]\n`);
    expect((await orca.orca(['status'])).stdout).not.toContain('restart');
  });
});
