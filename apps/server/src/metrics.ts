import { formatMetrics, type MetricsSnapshot } from '@orca/proxy';

/** Scrapers give up after ten seconds, and what else there is to tell should reach them. */
const askWithinMs = 3_000;

/**
 * Everything that is counted, in Prometheus' text format. A proxy that does not answer is a
 * figure of its own, and takes nothing else away.
 */
export const metricsText = async (
  certificates: string,
  askProxy: () => Promise<MetricsSnapshot>,
  withinMs: number = askWithinMs,
): Promise<string> => {
  const snapshot = await within(askProxy, withinMs);
  return `${certificates}${proxyUp(snapshot !== undefined)}${snapshot === undefined ? '' : formatMetrics([snapshot])}`;
};

const within = async <T>(ask: () => Promise<T>, ms: number): Promise<T | undefined> => {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const late = setTimeout(resolve, ms, undefined);
  try {
    return await Promise.race([ask(), promise]);
  } catch {
    // Why is in the log of whoever keeps the proxy running.
    return undefined;
  } finally {
    clearTimeout(late);
  }
};

const proxyUp = (isUp: boolean): string =>
  `# HELP orca_proxy_up Whether the proxy answers its control plane.\n# TYPE orca_proxy_up gauge\norca_proxy_up ${isUp ? 1 : 0}\n`;
