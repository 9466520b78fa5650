import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ApiError, type ClusterStatus, type ControlPlane } from '@orca/api';
import { createFileStore, SecretValue, type FileStore } from '@orca/secrets';
import { parseDesiredState, type ServiceSpec } from '@orca/spec';
import { createStore, type Store } from '@orca/store';
import { revisionWith } from '../src/desired.ts';
import { unpromised, type AcceptedRecord, type Promised } from '../src/promised.ts';
import { createRecords } from '../src/records.ts';
import { redactedPlane } from '../src/redacted-plane.ts';
import { createSecretAccess, type SecretAccess } from '../src/secret-access.ts';
import { staleSecrets } from '../src/stale-secrets.ts';

const CANARY = 'canary-4711';
let dir: string;
let store: FileStore;
let access: SecretAccess;
let database: Store;
const set = (name: string, value: string): Promise<string> => store.set(name, SecretValue.of(value));
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'orca-access-'));
  store = createFileStore({ path: join(dir, 'secrets.json'), keyPath: join(dir, 'home', 'master.key') });
  access = createSecretAccess(store);
  database = createStore({ path: join(dir, 'orca.db'), onCorrupt: () => undefined });
  await set('X', CANARY);
});
afterEach(async () => {
  await database.close();
  rmSync(dir, { recursive: true, force: true });
});

const specOf = (values: Record<string, string>): ServiceSpec => {
  const text =
    '[[service]]\nname = "web"\nimage = "a:1"\nhostname = "${secrets.X}"\nport = 80\n[service.liveness]\npath = "/${secrets.X}"\n';
  const parsed = parseDesiredState([{ path: 'services/p1/service.toml', text }], {
    root: '/infra',
    cluster: undefined,
    secrets: new Map(Object.entries(values)),
  });
  const [spec] = parsed.ok ? parsed.value.services : [];
  if (spec === undefined) throw new Error(JSON.stringify(parsed));
  return spec;
};

describe('S10: what leaves the process', () => {
  it('shows no value that was ever known, also after it was replaced or removed', async () => {
    await access.refresh();
    await set('X', 'another-value');
    await access.refresh();
    await store.delete('X');
    await access.refresh();
    expect(access.redact(`${CANARY} and another-value`)).toBe('[secret] and [secret]');
  });

  it('still says what the files give for all to read', async () => {
    await set('USER', 'keycloak');
    await access.refresh();
    access.setPublicWords(['keycloak', 'keycloak-db']);
    expect(access.redact(`orca-keycloak has ${CANARY}`)).toBe('orca-keycloak has [secret]');
    access.setPublicWords([]);
    expect(access.redact('keycloak')).toBe('[secret]');
  });

  it('passes one door: answers, events, log lines and errors', async () => {
    await access.refresh();
    const status = {
      services: [{ name: 'web', lastFailure: `said ${CANARY}` }],
      runtimeError: CANARY,
    } as unknown as ClusterStatus;
    const refused = (): Promise<never> => Promise.reject(new ApiError(404, `no ${CANARY}`));
    const failing = (): AsyncIterable<never> => ({ [Symbol.asyncIterator]: () => ({ next: refused }) });
    const lines = async function* (): AsyncGenerator<{ stream: 'stdout'; text: string; slot: number }> {
      yield { stream: 'stdout', text: `token=${encodeURIComponent(CANARY)}`, slot: 1 };
    };
    const failed = (): Promise<never> => Promise.reject(new Error(`no ${CANARY}`));
    const others = { certs: failed, renewCert: failed, revokeCert: failed, metrics: failed };
    const plane: ControlPlane = { status: async () => status, logs: lines, deploy: failing, stop: failing, ...others };
    const door = redactedPlane(plane, (text) => access.redact(text));
    const { signal } = new AbortController();
    const request = {
      services: 'all',
      recreate: false,
      dryRun: false,
      allowMassRemoval: false,
      root: undefined,
    } as const;
    expect(JSON.stringify(await door.status(signal))).not.toContain('canary');
    for await (const { text } of door.logs({ service: 'web', tail: 1, follow: false }, signal))
      expect(text).toBe('token=[secret]');
    const events = door.deploy(request, signal)[Symbol.asyncIterator]();
    await expect(events.next()).rejects.toMatchObject({ status: 404, message: 'no [secret]' });
    await expect(door.metrics(signal)).rejects.toThrow('no [secret]');
  });
});

describe('S10: history holds references', () => {
  const promised = (spec: ServiceSpec): ReadonlyMap<string, Promised> =>
    new Map([['web', { ...unpromised, record: record(spec) }]]);
  const record = (spec: ServiceSpec): AcceptedRecord => ({
    spec,
    revision: revisionWith(spec, { imageId: '', secretDigests: {}, generation: 0 }, access),
    order: { kind: 'start-first', reason: '' },
    isRouted: false,
    stopGraceMs: 0,
    secretDigests: {},
  });

  it('and gives the value of the day back', async () => {
    await access.refresh();
    const records = createRecords(database, access);
    await records.write(promised(specOf({ X: CANARY })), new Map());
    await records.setRoute('web/1@x', { domains: [`${CANARY}.test`], paths: ['/'], stripPrefix: false, port: 80 });
    expect(JSON.stringify([await database.list('accepted'), await database.list('route')])).not.toContain('canary');
    await set('X', 'next-value');
    const again = createRecords(database, access);
    expect((await again.load()).get('web')?.record?.spec).toMatchObject({
      hostname: 'next-value',
      liveness: { path: '/next-value' },
    });
    expect((await again.routes()).get('web/1@x')?.domains).toEqual(['next-value.test']);
  });

  it('and judges nothing by a text that nobody knows any more', async () => {
    await access.refresh();
    await createRecords(database, access).write(promised(specOf({ X: CANARY })), new Map());
    await store.delete('X');
    const promises = await createRecords(database, createSecretAccess(store)).load();
    expect(promises.get('web')?.record?.spec).toMatchObject({ name: 'web', liveness: undefined });
  });

  it('a revision tells nothing of a value, and changes with its digest alone', async () => {
    await access.refresh();
    const inputs = { imageId: '', secretDigests: { X: 'd1' }, generation: 0 };
    const before = revisionWith(specOf({ X: CANARY }), inputs, access);
    await set('X', 'other');
    await access.refresh();
    expect(revisionWith(specOf({ X: 'other' }), inputs, access)).toBe(before);
    expect(revisionWith(specOf({ X: 'other' }), { ...inputs, secretDigests: { X: 'd2' } }, access)).not.toBe(before);
  });
});

it('stale are the secrets whose digest is another one, not those that are new or gone', () => {
  expect(staleSecrets({ secretDigests: { A: '1', B: '1', C: '1' } }, { A: '1', B: '2', D: '1' })).toEqual(['B']);
  expect(staleSecrets({}, { A: '1' })).toEqual([]);
  expect(staleSecrets(undefined, { A: '1' })).toEqual([]);
});

it('S9: hides a value that was replaced since it was filled in', async () => {
  await access.refresh();
  const filled = { hostname: `host-${CANARY}` };
  await set('X', 'another-value-1234');
  await access.refresh();
  expect(JSON.stringify(access.hide(filled, ['X']))).not.toContain(CANARY);
  const { value } = await access.show(access.hide(filled, ['X']));
  expect(value).toEqual({ hostname: 'host-another-value-1234' });
});
