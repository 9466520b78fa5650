import { describe, expect, it } from '@jest/globals';
import { parseClusterSpec, type ClusterSpec } from '@orca/spec';
import { needsRestart } from '../src/needs-restart.ts';

const cluster = (text = ''): ClusterSpec => {
  const parsed = parseClusterSpec({ path: 'cluster.toml', text });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed));
  return parsed.value;
};

describe('whether the server is to be restarted', () => {
  it.each([
    ['[cluster]\nname = "other"', '[cluster] name'],
    ['[cluster]\nlog_level = "debug"', '[cluster] log_level'],
    ['[cluster]\napi_port = 7000', '[cluster] api_port'],
    ['[acme]\nemail = "a@b.test"', '[acme]'],
    ['[cluster]\nacme_email = "a@b.test"', '[acme]'],
    ['[proxy]\ntrusted_proxies = ["10.0.0.0/8"]', '[proxy]'],
    ['[proxy.timeouts]\nconnect_secs = 9', '[proxy]'],
    ['[cluster]\nname = "other"\n[proxy]\nworkers = 2', '[cluster] name, [proxy]'],
  ])('yes, after %j', (text, what) => {
    const said = `${what} changed since the server started; a restart takes it into use: systemctl restart orca (containers and the proxy go on)`;
    expect(needsRestart(cluster(), cluster(text))).toBe(said);
    expect(needsRestart(cluster(text), cluster())).toBe(said);
  });

  it.each([
    '[security]\nallow_mounts = ["/srv"]',
    '[cluster]\ndomain = "a.test"',
    '[cluster]\napi_bind = []',
    '[backup]\nretention_days = 7',
    '[proxy]\nhttp_port = 80 # as before',
  ])('no, after %j', (text) => {
    expect(needsRestart(cluster(), cluster(text))).toBeUndefined();
  });

  it('no, where the command line goes before the file', () => {
    const text = '[cluster]\napi_port = 7000\n[proxy]\nhttp_port = 8080';
    expect(needsRestart(cluster(), cluster(text), { apiPort: 7001, proxyPort: 8081 })).toBeUndefined();
    expect(needsRestart(cluster(), cluster(text), { apiPort: 7001, httpsPort: 8443 })).toContain('[proxy] changed');
  });
});
