/**
 * `pnpm fuzz:proxy [--count N] [--seed S] [--from I] [--only requests|responses]`: half of the cases are requests to a whole
 * proxy, half are responses to its client; llhttp is the judge of both. Exits with 1 on a finding.
 */
import { commandLine, known, noPositionals, numberOf } from '@orca/tooling-testbed';
import { formatFindings } from './findings.ts';
import { fuzzRequests } from './fuzz-requests.ts';
import { fuzzResponses } from './fuzz-responses.ts';

const halves = ['responses', 'requests'] as const;
const { count, seed, from, wanted } = commandLine({
  usage: 'pnpm fuzz:proxy [--count N] [--seed S] [--from I] [--only requests|responses]',
  options: {
    count: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    from: { type: 'string', default: '0' },
    only: { type: 'string', default: halves.join(',') },
  },
  read: ({ values, positionals }) => {
    noPositionals(positionals);
    return {
      count: numberOf('--count', values.count, 1),
      seed: numberOf('--seed', values.seed, 0),
      from: numberOf('--from', values.from, 0),
      wanted: known('half', values.only.split(','), halves),
    };
  },
});

let found = 0;
const half = { seed, from, count: Math.ceil(count / 2) };
for (const [what, run] of [
  ['responses', fuzzResponses],
  ['requests', fuzzRequests],
] as const) {
  if (!wanted.includes(what)) continue;
  const begun = performance.now();
  const findings = await run(half);
  console.log(`${formatFindings(what, seed, findings)} (${((performance.now() - begun) / 1000).toFixed(1)} s)`);
  found += findings.crashes.length + findings.disagreements.length;
}
process.exitCode = found === 0 ? 0 : 1;
