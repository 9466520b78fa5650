/** A goal: orca's figure over a peer's, at most; or, without a peer, the figure itself. */
export interface Goal {
  readonly figure: 'microseconds' | 'residentMiB';
  readonly peer: 'nginx' | 'caddy' | undefined;
  readonly most: number;
}

export interface Row {
  readonly name: string;
  readonly what: string;
  readonly path: '1k' | '100k';
  readonly secure: boolean;
  readonly http2: boolean;
  readonly connections: number;
  readonly goals: readonly Goal[];
}

const plain: Omit<Row, 'name' | 'what'> = { path: '1k', secure: false, http2: false, connections: 64, goals: [] };

export const rows: readonly Row[] = [
  {
    ...plain,
    name: 'http',
    what: 'HTTP, 1 KiB, 64 connections',
    goals: [
      { figure: 'microseconds', peer: 'caddy', most: 0.5 },
      { figure: 'microseconds', peer: 'nginx', most: 2 },
    ],
  },
  {
    ...plain,
    name: 'https',
    what: 'HTTPS, 1 KiB, 64 connections',
    secure: true,
    goals: [{ figure: 'microseconds', peer: 'caddy', most: 0.6 }],
  },
  { ...plain, name: 'large', what: 'HTTP, 100 KiB, 64 connections', path: '100k' },
  { ...plain, name: 'http2', what: 'HTTP/2 over TLS, 1 KiB, 8 connections with 8 streams', secure: true, http2: true },
  {
    ...plain,
    name: 'many',
    what: 'HTTP, 1 KiB, 1,000 connections',
    connections: 1_000,
    goals: [{ figure: 'residentMiB', peer: undefined, most: 120 }],
  },
];
