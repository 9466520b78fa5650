import { describe, expect, it } from '@jest/globals';
import { formatPlan, plan } from '@orca/reconcile';
import { aCluster, desire } from './a-cluster.ts';

describe('plan', () => {
  it('brings up a first instance, dependencies before dependants, and fetches both at once', () => {
    const p = aCluster().plan(
      desire('web', 'a', { dependsOn: ['db'], isRouted: true }),
      desire('db', 'a', { order: 'stop-first' }),
    );
    expect(formatPlan(p)).toBe(
      [
        '  1 db prepare           (not there yet)',
        '  2 db/1@a create        (not there yet, after 1)',
        '  3 db/1@a start         (not there yet, after 2)',
        '  4 db/1@a await ready   (was started, after 3)',
        '  5 db/1@a commit        (became ready, after 4)',
        '  6 web prepare          (not there yet)',
        '  7 web/1@a create       (not there yet, after 6)',
        '  8 web/1@a start        (not there yet, after 7 4 5)',
        '  9 web/1@a await ready  (was started, after 8)',
        ' 10 web/1@a route        (became ready, after 9)',
        ' 11 web/1@a commit       (became ready, after 10)',
      ].join('\n'),
    );
  });

  it('2: has nothing to do on a converged cluster', () => {
    const p = aCluster()
      .has('web', 'a', { routed: true })
      .has('db', 'a')
      .plan(desire('web', 'a', { isRouted: true, dependsOn: ['db'] }), desire('db', 'a'));
    expect(p).toEqual({ steps: [], blocked: [], unchanged: ['db', 'web'] });
  });

  it('26: start-first routes the new one before the old one is drained and stopped', () => {
    const p = aCluster()
      .has('web', 'a', { routed: true })
      .plan(desire('web', 'b', { isRouted: true }));
    expect(p.steps.map((s) => s.id)).toEqual([
      'web prepare',
      'web/1@b create',
      'web/1@b start',
      'web/1@b awaitReady',
      'web/1@b route',
      'web/1@a drain',
      'web/1@a stop',
      'web/1@b commit',
      'web/1@a remove',
    ]);
  });

  it('22, 25: stop-first fetches and creates before it stops the old one, and never lets two run', () => {
    const p = aCluster()
      .has('db', 'a')
      .plan(desire('db', 'b', { order: 'stop-first' }));
    expect(p.steps.map((s) => s.id)).toEqual([
      'db prepare',
      'db/1@b create',
      'db/1@a stop',
      'db/1@b start',
      'db/1@b awaitReady',
      'db/1@b commit',
      'db/1@a remove',
    ]);
  });

  it('28: returns to the proven instance when the wanted revision failed, and keeps the failed one for its logs', () => {
    const p = aCluster()
      .has('db', 'a', { status: 'exited' })
      .has('db', 'b', { stage: 'candidate' })
      .failed('db', 'b')
      .plan(desire('db', 'b', { order: 'stop-first' }));
    expect(p.steps.map((s) => s.id)).toEqual(['db/1@b stop', 'db/1@a start', 'db/1@a awaitReady']);
    expect(p.blocked).toEqual([{ service: 'db', reasons: ['b failed before'], waitsFor: [] }]);
  });

  it('29: does not try a failed revision again on its own', () => {
    const p = aCluster()
      .has('web', 'a', { routed: true })
      .failed('web', 'b')
      .plan(desire('web', 'b', { isRouted: true }));
    expect(p.steps).toEqual([]);
    expect(p.blocked).toHaveLength(1);
  });

  it('8: plans nothing when the state is unknown', () => {
    const p = plan({
      desired: [desire('web', 'a')],
      observed: { kind: 'unknown', reason: 'no engine' },
      memory: { quarantined: new Map() },
    });
    expect(p.steps).toEqual([]);
    expect(p.blocked[0]?.reasons[0]).toContain('no engine');
  });

  it('16: removes dependants before what they depended on', () => {
    const p = aCluster()
      .has('keep', 'a')
      .has('db', 'a')
      .has('web', 'a', { dependsOn: ['db'], routed: true })
      .plan(desire('keep', 'a'));
    expect(p.steps.map((s) => [s.id, s.after])).toEqual([
      ['web/1@a drain', []],
      ['web/1@a stop', ['web/1@a drain']],
      ['web/1@a remove', ['web/1@a stop']],
      ['db/1@a stop', ['web/1@a remove']],
      ['db/1@a remove', ['db/1@a stop']],
    ]);
  });

  it('17: refuses to remove everything, or many at once, until it is confirmed', () => {
    const cluster = aCluster();
    for (const n of ['a', 'b', 'c', 'd', 'e']) cluster.has(n, 'x');
    expect(cluster.plan().steps).toEqual([]);
    expect(cluster.plan().blocked).toHaveLength(5);
    expect(cluster.plan(desire('a', 'x')).blocked).toHaveLength(4);
    expect(cluster.plan(desire('a', 'x'), desire('b', 'x')).steps).toHaveLength(6);
    expect(plan({ ...cluster.input(), allowMassRemoval: true }).steps).toHaveLength(10);
  });

  it('21: refuses a cycle with its path, and a name that is not there', () => {
    const p = aCluster().plan(
      desire('a', 'x', { dependsOn: ['b'] }),
      desire('b', 'x', { dependsOn: ['a'] }),
      desire('c', 'x', { dependsOn: ['d'] }),
      desire('e', 'x'),
    );
    expect(p.blocked).toEqual([
      { service: 'a', reasons: ['depends_on goes in a circle: a -> b -> a'], waitsFor: [] },
      { service: 'b', reasons: ['depends_on goes in a circle: a -> b -> a'], waitsFor: [] },
      { service: 'c', reasons: ['depends on d, which does not exist'], waitsFor: [] },
    ]);
    expect(new Set(p.steps.map((s) => s.action.service))).toEqual(new Set(['e']));
  });

  it('21: holds dependants of a failed service, and only those', () => {
    const p = aCluster()
      .has('db', 'a')
      .failed('db', 'b')
      .plan(desire('db', 'b'), desire('web', 'a', { dependsOn: ['db'] }), desire('other', 'a'));
    expect(p.blocked.map((b) => b.service)).toEqual(['db', 'web']);
    expect(new Set(p.steps.map((s) => s.action.service))).toEqual(new Set(['other']));
  });

  it('asks an unchanged dependency once more before a newcomer starts', () => {
    const p = aCluster()
      .has('db', 'a')
      .plan(desire('db', 'a'), desire('web', 'a', { dependsOn: ['db'] }));
    expect(p.steps[0]?.id).toBe('db/1@a awaitReady');
    expect(p.steps.find((s) => s.id === 'web/1@a start')?.after).toContain('db/1@a awaitReady');
    expect(p.unchanged).toEqual(['db']);
  });

  it('30: replaces replicas one after another, and removes surplus slots last', () => {
    const p = aCluster()
      .has('web', 'a', { slot: 1 })
      .has('web', 'a', { slot: 2 })
      .has('web', 'a', { slot: 3 })
      .plan(desire('web', 'b', { replicas: 2 }));
    const after = (id: string): readonly string[] => p.steps.find((s) => s.id === id)?.after ?? [];
    expect(after('web/2@b start')).toContain('web/1@a remove');
    expect(after('web/3@a stop')).toEqual(['web/1@b commit', 'web/2@b commit']);
    expect(p.steps.filter((s) => s.action.kind === 'prepare')).toHaveLength(1);
  });

  it('tells a service that goes from one that stays, of which only an instance goes', () => {
    const p = aCluster()
      .has('web', 'a')
      .has('web', 'b', { stage: 'candidate', status: 'exited' })
      .has('web', 'a', { slot: 2 })
      .has('web', 'b', { slot: 3, stage: 'candidate', status: 'exited' })
      .has('api', 'a')
      .has('gone', 'a', { status: 'exited' })
      .plan(desire('web', 'a'), desire('api', 'b'));
    const removed = p.steps.flatMap(({ action }) =>
      action.kind === 'remove' ? [[action.key, action.what, action.reason]] : [],
    );
    expect(removed).toEqual([
      ['api/1@a', 'replaced', 'was replaced'],
      ['web/1@b', 'leftover', 'left over from before; the service stays'],
      ['web/2@a', 'surplus', 'slot 2 is beyond 1 replica; the service stays'],
      ['web/3@b', 'leftover', 'slot 3 is beyond 1 replica; the service stays'],
      ['gone/1@a', 'unwanted', 'is not desired any more'],
    ]);
  });

  it('28, 30: brings back the replicas that were updated before another one failed', () => {
    const web = { ...desire('web', 'b', { replicas: 2 }), lastGood: desire('web', 'a') };
    const p = aCluster()
      .has('web', 'b', { slot: 1 })
      .has('web', 'a', { slot: 2 })
      .has('web', 'b', { slot: 2, stage: 'candidate', status: 'exited' })
      .failed('web', 'b')
      .plan(web);
    expect(formatPlan(p)).toMatchInlineSnapshot(`
"  1 web prepare          (returns to the last healthy revision; start-first: for the test)
  2 web/1@a create       (returns to the last healthy revision; start-first: for the test, after 1)
  3 web/1@a start        (returns to the last healthy revision; start-first: for the test, after 2)
  4 web/1@a await ready  (was started, after 3)
  5 web/1@b stop         (is being replaced, after 4)
  6 web/1@a commit       (became ready, after 5)
  7 web/1@b remove       (was replaced, after 6)
  ! web: b failed before"
`);
  });

  it('finishes a commit that was interrupted between its two renames', () => {
    const p = aCluster()
      .has('web', 'a', { stage: 'retired', status: 'exited' })
      .has('web', 'b', { stage: 'candidate' })
      .plan(desire('web', 'b'));
    expect(p.steps.map((s) => s.id)).toEqual(['web/1@b awaitReady', 'web/1@b commit', 'web/1@a remove']);
  });

  it('20: keeps a paused service stopped, and nothing that depends on it starts', () => {
    const p = aCluster()
      .has('db', 'a')
      .plan(desire('db', 'a', { isPaused: true }), desire('web', 'a', { dependsOn: ['db'] }));
    expect(p.steps.map((s) => s.id)).toEqual(['db/1@a stop']);
    expect(p.blocked).toEqual([{ service: 'web', reasons: ['waits for db, which is stopped'], waitsFor: ['db'] }]);
  });

  it('stops dependants before what they depend on, when both are stopped by request', () => {
    const p = aCluster()
      .has('db', 'a')
      .has('web', 'a')
      .plan(desire('db', 'a', { isPaused: true }), desire('web', 'a', { isPaused: true, dependsOn: ['db'] }));
    expect(p.steps.find((s) => s.id === 'db/1@a stop')?.after).toEqual(['web/1@a stop']);
  });

  it('26: routes a new instance whose key an old, routed one had, which is taken away first', () => {
    const p = aCluster()
      .has('web', 'b', { routed: true, stage: 'candidate' })
      .has('web', 'a', { routed: true, status: 'exited' })
      .plan(desire('web', 'a', { isRouted: true }));
    const ids = p.steps.map((s) => s.id);
    expect(ids.indexOf('web/1@a drain')).toBeLessThan(ids.indexOf('web/1@a create'));
    expect(ids.indexOf('web/1@a route')).toBeLessThan(ids.indexOf('web/1@b drain'));
    expect(ids).toContain('web/1@a route');
  });
});
