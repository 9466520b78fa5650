import { describe, expect, it } from '@jest/globals';
import { formatPlan, plan, type DesiredService, type Plannable } from '@orca/reconcile';
import { aCluster, desire } from './a-cluster.ts';

const volume = { what: 'volume data', isGuarded: false };
const port = (number: number): { what: string; isGuarded: boolean } => ({
  what: `host port ${number}`,
  isGuarded: true,
});
const claiming = (
  d: DesiredService<Plannable>,
  ...claims: NonNullable<DesiredService<Plannable>['claims']>
): typeof d => ({
  ...d,
  claims,
});

describe('what one service at a time may have', () => {
  it('23: a renamed service starts when its former self has stopped', () => {
    const cluster = aCluster().has('db', 'a', { holds: ['volume data'] });
    expect(formatPlan(cluster.plan(claiming(desire('pg', 'a'), volume), desire('web', 'a')))).toMatchInlineSnapshot(`
"  1 pg prepare           (not there yet)
  2 pg/1@a create        (not there yet, after 1)
  3 pg/1@a start         (not there yet, after 2 11)
  4 pg/1@a await ready   (was started, after 3)
  5 pg/1@a commit        (became ready, after 4)
  6 web prepare          (not there yet)
  7 web/1@a create       (not there yet, after 6)
  8 web/1@a start        (not there yet, after 7)
  9 web/1@a await ready  (was started, after 8)
 10 web/1@a commit       (became ready, after 9)
 11 db/1@a stop          (is not desired any more)
 12 db/1@a remove        (is not desired any more, after 11)"
`);
  });

  it('23: also in a run of its own, and while a stopped one may still come back', () => {
    const pg = claiming(desire('pg', 'a'), volume);
    const scope = new Set(['pg']);
    const up = aCluster().has('db', 'a', { holds: ['volume data'] });
    const reasons = ['waits for db, which still has volume data'];
    const held = { steps: [], blocked: [{ service: 'pg', reasons, waitsFor: ['db'] }] };
    expect(plan({ ...up.input(pg), scope })).toMatchObject(held);
    const down = aCluster().has('db', 'a', { holds: ['volume data'], status: 'exited' });
    expect(plan({ ...down.input(pg), scope, unsettled: new Set(['db']) })).toMatchObject(held);
    expect(plan({ ...down.input(pg), scope }).steps.map((s) => s.action.kind)).toContain('start');
  });

  it('24: takes a host port when the service that had it was changed, and not before', () => {
    const cluster = aCluster()
      .has('a', 'a', { holds: ['host port 80'] })
      .has('b', 'a', { holds: ['host port 81'] });
    const b = claiming(desire('b', 'b', { order: 'stop-first' }), port(80));
    const a = claiming(desire('a', 'b'), port(90));
    expect(cluster.plan(a, b).blocked).toEqual([
      { service: 'b', reasons: ['waits for a, which still has host port 80'], waitsFor: ['a'] },
    ]);
  });

  it('24: two that swap their host ports need not wait for each other', () => {
    const cluster = aCluster()
      .has('a', 'a', { holds: ['host port 80'] })
      .has('b', 'a', { holds: ['host port 81'] });
    const swapped = [
      claiming(desire('a', 'b', { order: 'stop-first' }), port(81)),
      claiming(desire('b', 'b', { order: 'stop-first' }), port(80)),
    ];
    expect(cluster.plan(...swapped).blocked).toEqual([]);
  });

  it('23: two services that share a volume for good are not kept apart', () => {
    const cluster = aCluster().has('app', 'a', { holds: ['volume data'] });
    const both = ['app', 'worker'].map((name) => claiming(desire(name, 'a'), volume));
    expect(cluster.plan(...both)).toMatchObject({ blocked: [], unchanged: ['app'] });
  });
});
