import { expect, test } from '@jest/globals';
import { formatFindings } from './findings.ts';
import { fuzzRequests } from './fuzz-requests.ts';
import { fuzzResponses } from './fuzz-responses.ts';

// The short form of `pnpm fuzz:proxy`. With a fixed seed a failure belongs to the change that it came with.
const seed = 1;

test('P3 P5 P7 of 14,000 mutated responses none is taken that llhttp refuses, or for something else', () => {
  const findings = fuzzResponses({ seed, count: 14_000 });
  expect(formatFindings('responses', seed, findings)).toMatch(/0 disagreements, 0 crashes$/);
  expect(Math.min(findings.agreed, findings.refused, findings.stricter)).toBeGreaterThan(100);
});

test('P1 P4 P5 P70 of 6,000 mutated requests none reaches the target that llhttp refuses, or as something else', async () => {
  const findings = await fuzzRequests({ seed, count: 6_000 });
  expect(formatFindings('requests', seed, findings)).toMatch(/0 disagreements, 0 crashes$/);
  expect(Math.min(findings.agreed, findings.refused, findings.stricter)).toBeGreaterThan(100);
});
