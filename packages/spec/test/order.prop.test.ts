import { expect, test } from '@jest/globals';
import { parseDesiredState } from '@orca/spec';
import fc from 'fast-check';
import { named, ROOT, serviceFile } from './reading.ts';

const GOOD = [
  serviceFile(named('web', 'depends_on = ["db", "api"]'), 'web'),
  serviceFile(named('db'), 'db'),
  serviceFile(`${named('api', 'depends_on = ["db"]')}\n${named('worker')}`, 'api'),
  { path: 'services.toml', text: named('extra') },
];
const BAD = [
  ...GOOD,
  serviceFile(named('web', 'extra_ports = ["80:80"]'), 'web2'),
  serviceFile(named('xx', 'depends_on = ["yy"]', 'extra_ports = ["9000:1"]'), 'xx'),
  serviceFile(named('yy', 'depends_on = ["xx"]', 'extra_ports = ["9000:1"]'), 'yy'),
  serviceFile('[[service]', 'broken'),
];

test.each([
  ['specs', GOOD],
  ['issues', BAD],
])('the order in which files are given never changes the %s', (_, files) => {
  const expected = parseDesiredState(files, { root: ROOT, cluster: undefined });
  fc.assert(
    fc.property(fc.shuffledSubarray(files, { minLength: files.length }), (shuffled) => {
      expect(parseDesiredState(shuffled, { root: ROOT, cluster: undefined })).toEqual(expected);
    }),
  );
});
