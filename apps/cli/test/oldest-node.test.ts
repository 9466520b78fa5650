import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { isTooOld, oldestNode } from '../src/oldest-node.ts';

test.each([
  ['20.20.2', true],
  ['24.5.0', true],
  ['24.6.0', false],
  ['24.21.0', false],
  ['25.0.0', false],
])('Node %s is too old: %s', (version, expected) => {
  expect(isTooOld(version)).toBe(expected);
});

test.each(['apps/cli', 'apps/server', 'packages/spec'])('%s tells npm the same', (name) => {
  const { engines } = JSON.parse(readFileSync(new URL(`../../../${name}/package.json`, import.meta.url), 'utf8'));
  expect(engines.node).toBe(`>=${oldestNode}`);
});
