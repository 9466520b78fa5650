import { describe, expect, it } from '@jest/globals';
import { instanceKey, revision } from '@orca/reconcile';
import { parseDesiredState, type ServiceSpec } from '@orca/spec';
import { containerConfig } from '../src/container-config.ts';
import { parseReference } from '../src/image-reference.ts';
import { identityOf, labelsOf, restartOf } from '../src/labels.ts';
import { candidateName, retiredName, stableName, stageOf } from '../src/names.ts';
import { decodeAuth, parseConfig } from '../src/registry-auth.ts';

const specOf = (text: string): ServiceSpec => {
  const parsed = parseDesiredState([{ path: 'services/shop/service.toml', text }], {
    root: '/infra',
    cluster: undefined,
  });
  const [spec] = parsed.ok ? parsed.value.services : [];
  if (spec === undefined) throw new Error(JSON.stringify(parsed));
  return spec;
};

describe('names', () => {
  it('tell the stage of a container of a slot, and nothing of others', () => {
    expect(stageOf('orca-web', 'web', 1)).toBe('current');
    expect(stageOf('orca-web-2', 'web', 2)).toBe('current');
    expect(stageOf(candidateName('web', 2), 'web', 2)).toBe('candidate');
    expect(stageOf(retiredName('web', 1), 'web', 1)).toBe('retired');
    expect(stageOf(stableName('web', 1), 'web-db', 1)).toBeUndefined();
  });
});

describe('labels', () => {
  const spec = specOf(
    '[[service]]\nname = "web"\nimage = "i:1"\ndepends_on = ["db"]\nrestart_policy = "on-failure:3"\n[[service]]\nname = "db"\nimage = "i:1"\n',
  );
  const web =
    spec.name === 'web' ? spec : specOf('[[service]]\nname = "web"\nimage = "i:1"\nrestart_policy = "on-failure:3"\n');
  const labels = labelsOf(web, {
    cluster: 'c',
    slot: 2,
    revision: 'h1:ab',
    key: instanceKey('web', 2, revision('h1:ab')),
    network: 'orca-shop',
  });

  it('5: carry the whole identity, and give it back', () => {
    expect(identityOf(labels)).toMatchObject({
      key: 'web/2@h1:ab',
      service: 'web',
      slot: 2,
      revision: 'h1:ab',
      project: 'shop',
      network: 'orca-shop',
    });
    expect(restartOf(labels)).toEqual({ Name: 'on-failure', MaximumRetryCount: 3 });
  });

  it('of a stranger are no identity', () => {
    expect(identityOf({})).toBeUndefined();
    expect(identityOf({ ...labels, 'orca.slot': 'x' })).toBeUndefined();
  });
});

describe('containerConfig', () => {
  const spec = specOf(`[[service]]
name = "web"
image = "i:1"
aliases = ["www"]
extra_ports = ["127.0.0.1:2222:22", "53:53/udp"]
stop_grace_secs = 2
stop_signal = "SIGQUIT"
[service.resources]
memory = "64Mi"
cpu = 0.5
[[service.volumes]]
source = "data"
target = "/data"
[[service.mounts]]
source = "./services/shop/config"
target = "/etc/shop"
read_only = true
`);
  const config = containerConfig({
    image: 'busybox:1.36',
    spec,
    name: 'orca-web.next',
    labels: { a: 'b' },
    network: 'orca-shop',
    env: { A: '1' },
    command: undefined,
    entrypoint: undefined,
    files: [],
    restart: { Name: 'no', MaximumRetryCount: 0 },
  });

  it('names the service on its network by its own name, by its container name and by its aliases', () => {
    expect(config.NetworkingConfig?.EndpointsConfig?.['orca-shop']?.Aliases).toEqual(['web', 'orca-web', 'www']);
  });

  it('42: caps the logs; 17: takes new privileges and endless processes away', () => {
    expect(config.HostConfig).toMatchObject({
      LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } },
      SecurityOpt: ['no-new-privileges'],
      PidsLimit: 4096,
      RestartPolicy: { Name: 'no' },
    });
    expect(config.HostConfig?.Privileged).toBeUndefined();
  });

  it('carries mounts, ports, limits, signal and grace', () => {
    expect(config.HostConfig).toMatchObject({
      Memory: 64 * 1024 * 1024,
      NanoCpus: 500_000_000,
      Mounts: [
        { Type: 'volume', Source: 'data', Target: '/data', ReadOnly: false },
        { Type: 'bind', Source: '/infra/services/shop/config', Target: '/etc/shop', ReadOnly: true },
      ],
      PortBindings: {
        '22/tcp': [{ HostIp: '127.0.0.1', HostPort: '2222' }],
        '53/udp': [{ HostIp: '0.0.0.0', HostPort: '53' }],
      },
    });
    expect(config).toMatchObject({ StopSignal: 'SIGQUIT', StopTimeout: 2, Env: ['A=1'] });
    expect(config.Cmd).toBeUndefined();
  });
});

describe('parseReference', () => {
  it.each([
    ['busybox', 'busybox:latest', 'docker.io', false],
    ['busybox:1.36', 'busybox:1.36', 'docker.io', true],
    ['team/app:latest', 'team/app:latest', 'docker.io', false],
    ['quay.io/keycloak/keycloak:25.0', 'quay.io/keycloak/keycloak:25.0', 'quay.io', true],
    ['localhost:5000/app', 'localhost:5000/app:latest', 'localhost:5000', false],
    ['app@sha256:ab', 'app@sha256:ab', 'docker.io', true],
  ])('%s', (image, text, registry, isImmutable) => {
    expect(parseReference(image)).toEqual({ text, registry, isImmutable });
  });
});

describe('registry credentials', () => {
  it('are read from what docker login wrote, colons in the password included', () => {
    const auth = Buffer.from('ann:p:w').toString('base64');
    const config = parseConfig(
      JSON.stringify({ auths: { 'r.test': { auth }, 'empty.test': {} }, credHelpers: { 'gcr.test': 'gcloud' } }),
    );
    expect(decodeAuth(config.auths.get('r.test'), 'r.test')).toEqual({
      username: 'ann',
      password: 'p:w',
      serveraddress: 'r.test',
    });
    expect(config.auths.has('empty.test')).toBe(false);
    expect(config.credHelpers.get('gcr.test')).toBe('gcloud');
    expect(decodeAuth(Buffer.from('nonsense').toString('base64'), 'r.test')).toBeUndefined();
  });
});
