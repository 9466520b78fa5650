import { describe, expect, it } from '@jest/globals';
import { formatPlan, plan } from '@orca/reconcile';
import { aCluster, desire } from './a-cluster.ts';

const text = (p: ReturnType<typeof plan>): string => `\n${formatPlan(p)}\n`;

describe('what changed without anybody deploying', () => {
  it('20: repairs a running instance in place, and routes it anew', () => {
    const p = aCluster()
      .has('web', 'a', { routed: true, drift: ['was disconnected from network orca-site'] })
      .plan(desire('web', 'a', { isRouted: true }));
    expect(text(p)).toBe(`
  1 web/1@a repair  (was disconnected from network orca-site)
  2 web/1@a route   (was repaired, after 1)
`);
  });

  it('20: resumes what somebody paused, and starts what somebody stopped', () => {
    const p = aCluster()
      .has('web', 'a', { status: 'paused', routed: true })
      .has('db', 'a', { status: 'exited' })
      .plan(desire('web', 'a', { isRouted: true }), desire('db', 'a'));
    expect(text(p)).toBe(`
  1 db/1@a start         (does not run)
  2 db/1@a await ready   (was started again, after 1)
  3 web/1@a drain        (does not run)
  4 web/1@a start        (is paused, after 3)
  5 web/1@a await ready  (was started again, after 4)
  6 web/1@a route        (serves again, after 5)
`);
  });

  it('36: restarts an ailing instance with its grace, off the route table meanwhile', () => {
    const p = aCluster()
      .has('web', 'a', { routed: true })
      .ailing('web', 'a', 'fails its liveness probe')
      .plan(desire('web', 'a', { isRouted: true }));
    expect(text(p)).toBe(`
  1 web/1@a drain        (fails its liveness probe)
  2 web/1@a stop         (fails its liveness probe, after 1)
  3 web/1@a start        (fails its liveness probe, after 2)
  4 web/1@a await ready  (was started again, after 3)
  5 web/1@a route        (serves again, after 4)
`);
  });

  it('36: restarts ailing replicas one at a time', () => {
    const p = plan({
      ...aCluster()
        .has('web', 'a')
        .has('web', 'a', { slot: 2 })
        .input(desire('web', 'a', { replicas: 2 })),
      memory: {
        quarantined: new Map(),
        ailing: new Map(
          aCluster()
            .has('web', 'a')
            .has('web', 'a', { slot: 2 })
            .instances()
            .map((i) => [i.key, 'is ill']),
        ),
      },
    });
    const stop = p.steps.find((s) => s.id === 'web/2@a stop');
    expect(stop?.after).toEqual(['web/1@a awaitReady']);
  });

  it('36: lets rest what crashes again and again, and holds what depends on it', () => {
    const p = aCluster()
      .has('db', 'a')
      .has('web', 'a', { status: 'exited' })
      .resting('db', 'a', 'crash loop')
      .plan(desire('db', 'a'), desire('web', 'a', { dependsOn: ['db'] }));
    expect(text(p)).toBe(`
  1 db/1@a stop  (crash loop)
  ! db: crash loop
  ! web: waits for db, which is blocked: crash loop
`);
  });

  it('36: replaces what rests as soon as something else is wanted', () => {
    const p = aCluster()
      .has('web', 'a', { status: 'exited' })
      .resting('web', 'a', 'crash loop')
      .plan(desire('web', 'b'));
    expect(p.steps.map((s) => s.id)).toContain('web/1@b start');
  });

  it('28: goes back to what was last proven, with the text it was proven with', () => {
    const good = desire('web', 'a', { isRouted: true });
    const bad = { ...desire('web', 'b', { isRouted: true }), lastGood: good };
    const p = aCluster().has('web', 'b', { stage: 'candidate', status: 'exited' }).failed('web', 'b').plan(bad);
    expect(text(p)).toBe(`
  1 web prepare          (not there yet)
  2 web/1@b remove       (is of an unwanted revision and never became healthy)
  3 web/1@a create       (not there yet, after 2 1)
  4 web/1@a start        (not there yet, after 3)
  5 web/1@a await ready  (was started, after 4)
  6 web/1@a route        (became ready, after 5)
  7 web/1@a commit       (became ready, after 6)
  ! web: b failed before
`);
  });
});

describe('what a crash leaves behind', () => {
  it('19: starts a half-created instance that is wanted, and removes one that is not', () => {
    const p = aCluster()
      .has('web', 'a', { stage: 'candidate', status: 'created' })
      .has('api', 'old', { stage: 'candidate', status: 'created' })
      .plan(desire('web', 'a'), desire('api', 'a'));
    expect(p.steps.map((s) => s.id)).toEqual([
      'api prepare',
      'api/1@old remove',
      'api/1@a create',
      'api/1@a start',
      'api/1@a awaitReady',
      'api/1@a commit',
      'web/1@a start',
      'web/1@a awaitReady',
      'web/1@a commit',
    ]);
  });

  it('19: tries again to remove what the engine failed to remove', () => {
    const p = aCluster()
      .has('web', 'a')
      .has('web', 'old', { stage: 'retired', status: 'removing' })
      .plan(desire('web', 'a'));
    expect(p.steps.map((s) => s.id)).toEqual(['web/1@old remove']);
  });
});

describe('a plan for some services only', () => {
  it('21: waits for a dependency that is being changed outside of it', () => {
    const input = aCluster()
      .has('db', 'a')
      .input(desire('db', 'a'), desire('web', 'a', { dependsOn: ['db'] }));
    const p = plan({ ...input, scope: new Set(['web']), unsettled: new Set(['db']) });
    expect(p.steps).toEqual([]);
    expect(p.blocked).toEqual([
      { service: 'web', reasons: ['waits for db, which is being changed'], waitsFor: ['db'] },
    ]);
  });

  it('20: stops a database only when those that use it have stopped', () => {
    const services = [desire('db', 'a', { isPaused: true }), desire('web', 'a', { isPaused: true, dependsOn: ['db'] })];
    const running = aCluster()
      .has('db', 'a')
      .has('web', 'a')
      .input(...services);
    expect(plan({ ...running, scope: new Set(['db']) })).toMatchObject({
      steps: [],
      blocked: [{ service: 'db', reasons: ['waits for web to stop'], waitsFor: ['web'] }],
    });
    const stopped = aCluster()
      .has('db', 'a')
      .has('web', 'a', { status: 'exited' })
      .input(...services);
    expect(plan({ ...stopped, scope: new Set(['db']) }).steps.map((s) => s.id)).toEqual(['db/1@a stop']);
  });

  it('16: removes a database only when those that use it are gone', () => {
    const input = aCluster()
      .has('db', 'a')
      .has('web', 'a', { dependsOn: ['db'] })
      .input(desire('other', 'a'));
    expect(plan({ ...input, scope: new Set(['db']) }).blocked).toEqual([
      { service: 'db', reasons: ['waits for web to be removed'], waitsFor: ['web'] },
    ]);
  });

  it('17: the prune guard judges the whole, so that a removal in small parts is one as well', () => {
    const many = aCluster();
    for (let i = 0; i < 10; i += 1) many.has(`s${i}`, 'a');
    const input = many.input(desire('other', 'a'));
    const p = plan({ ...input, scope: new Set(['s1']) });
    expect(p.steps).toEqual([]);
    expect(p.blocked.map((b) => b.service)).toEqual(['s1']);
  });
});
