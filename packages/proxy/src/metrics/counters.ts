/** Upper bounds of the latency histogram, in milliseconds; what is slower is in one more bucket. */
export const latencyBoundsMs: readonly number[] = [
  5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000,
];

/** Response statuses by their first digit; 499 is a client that left before its response was complete. */
export const statusClasses: readonly string[] = ['1xx', '2xx', '3xx', '4xx', '5xx', '499'];

/** What went wrong between the proxy and a target; `truncated` is a response that broke off. */
export const upstreamErrorKinds = ['connect', 'timeout', 'stale', 'broken', 'truncated'] as const;

export type UpstreamErrorKind = (typeof upstreamErrorKinds)[number];

/** The counters of one route. Plain numbers in plain lists: a snapshot is a copy, and a sum is a loop. */
export class RouteCounters {
  /** In the order of `statusClasses`. */
  readonly requests: number[] = zeros(statusClasses.length);
  /** Time to the response's head, in the order of `latencyBoundsMs` and one for the rest; not cumulative. */
  readonly latency: number[] = zeros(latencyBoundsMs.length + 1);
  /** In the order of `upstreamErrorKinds`. */
  readonly upstreamErrors: number[] = zeros(upstreamErrorKinds.length);
  latencySumMs = 0;
  requestBytes = 0;
  responseBytes = 0;
  inFlight = 0;
  /** Requests refused because their client asked too often. */
  limited = 0;

  closed(status: number, headMs: number): void {
    const at = status === 499 ? 5 : Math.min(4, Math.max(0, Math.floor(status / 100) - 1));
    this.requests[at] = (this.requests[at] ?? 0) + 1;
    let bucket = 0;
    while (bucket < latencyBoundsMs.length && headMs > (latencyBoundsMs[bucket] ?? 0)) bucket += 1;
    this.latency[bucket] = (this.latency[bucket] ?? 0) + 1;
    this.latencySumMs += headMs;
  }

  failed(kind: UpstreamErrorKind): void {
    const at = upstreamErrorKinds.indexOf(kind);
    this.upstreamErrors[at] = (this.upstreamErrors[at] ?? 0) + 1;
  }
}

const zeros = (length: number): number[] => Array.from({ length }, () => 0);
