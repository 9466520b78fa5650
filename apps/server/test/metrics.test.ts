import { describe, expect, it } from '@jest/globals';
import type { MetricsSnapshot } from '@orca/proxy';
import { metricsText } from '../src/metrics.ts';

const certificates = 'orca_certificates_issued_total 1\n';
const snapshot: MetricsSnapshot = { connections: { accepted: 3, open: 1 }, logDropped: 0, routes: [] };

describe('metrics', () => {
  it("hold the proxy's figures next to all others", async () => {
    const text = await metricsText(certificates, () => Promise.resolve(snapshot));
    expect(text).toContain(certificates);
    expect(text).toContain('orca_proxy_up 1\n');
    expect(text).toContain('orca_proxy_connections_accepted_total 3\n');
    expect(text).toMatch(/^(?:#.*\n|[a-z_]+(?:\{.*\})? [\d.e+-]+\n)*$/);
  });

  it('hold all others when the proxy fails, or does not answer', async () => {
    const failing = [() => Promise.reject(new Error('gone')), () => new Promise<MetricsSnapshot>(() => {})];
    for (const ask of failing) {
      const text = await metricsText(certificates, ask, 20);
      expect(text).toContain(certificates);
      expect(text).toContain('orca_proxy_up 0\n');
    }
  });
});
