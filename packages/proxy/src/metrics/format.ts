import { latencyBoundsMs, statusClasses, upstreamErrorKinds } from './counters.ts';
import { mergeMetrics, type MetricsSnapshot, type RouteMetrics } from './snapshot.ts';

/** More routes than this share one label: a table of any size stays a scrape of some megabytes at most. */
const mostRoutes = 1_000;

/**
 * The counters of all processes in the Prometheus text format 0.0.4. Labels hold only what the
 * table says, never what a client says, so their number is bounded by the table.
 */
export const formatMetrics = (snapshots: readonly MetricsSnapshot[]): string => {
  const merged = mergeMetrics(snapshots);
  const routes = boundRoutes(merged.routes).map((route) => ({ route, labels: labelsOf(route) }));
  const families = [
    ...processFamilies(merged),
    ...routeFamilies.map(({ samples, ...family }) => ({
      ...family,
      samples: routes.flatMap(({ route, labels }) => samples(route, labels)),
    })),
  ];
  return families.map(formatFamily).join('');
};

interface Sample {
  /** What follows the family's name. */
  readonly suffix?: string;
  readonly labels: string;
  readonly value: number;
}

interface Family<Samples> {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly samples: Samples;
}

const processFamilies = (merged: MetricsSnapshot): readonly Family<readonly Sample[]>[] => [
  {
    name: 'connections_accepted_total',
    type: 'counter',
    help: 'Client connections taken.',
    samples: [{ labels: '', value: merged.connections.accepted }],
  },
  {
    name: 'connections_open',
    type: 'gauge',
    help: 'Client connections open.',
    samples: [{ labels: '', value: merged.connections.open }],
  },
  {
    name: 'access_log_dropped_lines_total',
    type: 'counter',
    help: 'Access log lines that could not be written.',
    samples: [{ labels: '', value: merged.logDropped }],
  },
];

const byName =
  (label: string, names: readonly string[], of: (route: RouteMetrics) => readonly number[]) =>
  (route: RouteMetrics, labels: string): readonly Sample[] =>
    names.map((name, i) => ({ labels: `${labels},${label}="${name}"`, value: of(route)[i] ?? 0 }));

const single =
  (of: (route: RouteMetrics) => number) =>
  (route: RouteMetrics, labels: string): readonly Sample[] => [{ labels, value: of(route) }];

const latencySamples = ({ latency, latencySumMs }: RouteMetrics, labels: string): readonly Sample[] => {
  let count = 0;
  const buckets = latency.map((value, i) => {
    count += value;
    const bound = latencyBoundsMs[i];
    const le = bound === undefined ? '+Inf' : String(bound / 1_000);
    return { suffix: '_bucket', labels: `${labels},le="${le}"`, value: count };
  });
  return [
    ...buckets,
    { suffix: '_sum', labels, value: latencySumMs / 1_000 },
    { suffix: '_count', labels, value: count },
  ];
};

const routeFamilies: readonly Family<(route: RouteMetrics, labels: string) => readonly Sample[]>[] = [
  {
    name: 'requests_total',
    type: 'counter',
    help: 'Requests by status class; 499 is a client that left.',
    samples: byName('class', statusClasses, ({ requests }) => requests),
  },
  {
    name: 'requests_in_flight',
    type: 'gauge',
    help: 'Requests not complete yet, upgraded connections among them.',
    samples: single(({ inFlight }) => inFlight),
  },
  {
    name: 'requests_limited_total',
    type: 'counter',
    help: 'Requests refused because their client asked too often.',
    samples: single(({ limited }) => limited),
  },
  {
    name: 'upstream_errors_total',
    type: 'counter',
    help: 'Attempts that failed at the target, retried or not.',
    samples: byName('kind', upstreamErrorKinds, ({ upstreamErrors }) => upstreamErrors),
  },
  {
    name: 'request_bytes_total',
    type: 'counter',
    help: 'Bytes of request bodies forwarded.',
    samples: single(({ requestBytes }) => requestBytes),
  },
  {
    name: 'response_bytes_total',
    type: 'counter',
    help: 'Bytes of response bodies sent.',
    samples: single(({ responseBytes }) => responseBytes),
  },
  {
    name: 'response_head_seconds',
    type: 'histogram',
    help: "Time from the request's head to the response's.",
    samples: latencySamples,
  },
];

const formatFamily = ({ name: bare, type, help, samples }: Family<readonly Sample[]>): string => {
  const name = `orca_proxy_${bare}`;
  const lines = samples.map(
    ({ suffix = '', labels, value }) => `${name}${suffix}${labels === '' ? '' : `{${labels}}`} ${value}\n`,
  );
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
};

const boundRoutes = (routes: readonly RouteMetrics[]): readonly RouteMetrics[] => {
  if (routes.length <= mostRoutes) return routes;
  const rest = routes.slice(mostRoutes - 1).map((route) => ({ ...route, service: '', route: '(others)' }));
  const connections = { accepted: 0, open: 0 };
  const others = mergeMetrics([{ connections, logDropped: 0, routes: rest }]);
  return [...routes.slice(0, mostRoutes - 1), ...others.routes];
};

const labelsOf = ({ service, route }: RouteMetrics): string =>
  `service="${escapeLabel(service)}",route="${escapeLabel(route)}"`;

const escapeLabel = (text: string): string =>
  text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
