import { describe, expect, test } from '@jest/globals';
import { issuesOf, serviceOf, web } from './reading.ts';

const composeFields =
  'entrypoint user workingDir hostname init tmpfs shmBytes ulimits capAdd capDrop devices gpus ' +
  'extraHosts dns sysctls labels envFiles readOnlyRoot privileged internal sharedVolume logging';

describe('a service', () => {
  test('needs only a name and an image; everything else has a default', () => {
    expect(serviceOf(web())).toEqual({
      name: 'web',
      project: 'web',
      image: 'web:1',
      pullPolicy: 'auto',
      replicas: 1,
      command: undefined,
      env: {},
      port: undefined,
      route: undefined,
      dependsOn: [],
      publishedPorts: [],
      volumes: [],
      mounts: [],
      readiness: undefined,
      liveness: undefined,
      aliases: [],
      network: undefined,
      resources: { memoryBytes: undefined, cpus: undefined },
      restartPolicy: { name: 'always', maxRetries: 0 },
      stopGraceMs: 10_000,
      stopSignal: undefined,
      deploy: {
        strategy: 'rolling',
        order: undefined,
        minHealthyMs: 10_000,
        healthyDeadlineMs: 300_000,
        monitorMs: 5000,
        drainMs: 30_000,
        maxUnavailable: undefined,
        canaryWeight: undefined,
      },
      backup: { enabled: true, preHook: undefined },
      source: { file: 'services/web/service.toml', line: 1 },
      // What Compose has as well is absent unless it is written: then no revision moves when a key is added.
      ...Object.fromEntries(composeFields.split(' ').map((field) => [field, undefined])),
    });
  });

  test('belongs to the project of its directory, or to the one it names', () => {
    expect(serviceOf(web()).project).toBe('web');
    expect(serviceOf(web('project = "shop"')).project).toBe('shop');
  });

  test.each(['docker', 'container'])('runs in a container with runtime = "%s"', (runtime) => {
    expect(issuesOf(web(`runtime = "${runtime}"`))).toEqual([]);
  });

  test('knows the line it begins on', () => {
    expect(serviceOf(`# a comment\n\n${web()}`).source.line).toBe(3);
    expect(serviceOf(`x = 1\n${web()}`.replace('x = 1', '# x')).source.line).toBe(2);
  });

  test('finds that line also when a text inside the file looks like a service', () => {
    const text = web('[service.env]', 'HELP = """', '[[service]]', '"""');
    expect(serviceOf(text).source.line).toBe(1);
  });
});

describe('a route', () => {
  test('comes from one domain', () => {
    expect(routeOf('domain = "Auth.Example.com"')).toEqual({
      domains: ['auth.example.com'],
      paths: ['/'],
      stripPrefix: false,
      port: 80,
    });
  });

  test('has sorted domains in ASCII, each once', () => {
    expect(routeOf('domains = ["www.example.com", "bücher.example", "www.example.com"]')?.domains).toEqual([
      'www.example.com',
      'xn--bcher-kva.example',
    ]);
  });

  test('takes "/api/*" and "/api" for the same prefix', () => {
    expect(routeOf('domain = "a.example"', 'routes = ["/api/*", "/api", "/*"]', 'strip_prefix = true')).toMatchObject({
      paths: ['/', '/api'],
      stripPrefix: true,
    });
  });

  test.each([
    ['domain = "a.example"\ndomains = ["b.example"]', 'cannot stand next to domain'],
    ['domains = []', 'must not be an empty list'],
    ['domain = "https://a.example"', 'is not a domain'],
    ['domain = "a.example:80"', 'is not a domain'],
    ['domain = "10.0.0.1"', 'is not a domain'],
    ['domain = "a b"', 'is not a domain'],
    ['routes = ["/api"]', 'has no effect without domain'],
    ['strip_prefix = true', 'has no effect without domain'],
    ['domain = "a.example"\nroutes = ["/a*b"]', 'is not a path prefix'],
    ['domain = "a.example"\nroutes = ["/a/../b"]', 'is not a path prefix'],
    ['domain = "a.example"\nroutes = []', 'must not be an empty list'],
    ['domain = "a.example"\nroutes = ["/é"]', 'percent-encode'],
  ])('refuses %j', (lines, message) => {
    expect(issuesOf(web('port = 80', lines))).toEqual([expect.stringContaining(message)]);
  });

  test('needs the port of the container', () => {
    expect(issuesOf(web('domain = "a.example"'))).toEqual([
      'services/web/service.toml:4:1: service[0].domain: needs port: the port the container listens on',
    ]);
  });
});

describe('published ports', () => {
  test('are written host:container, with an address and a protocol where needed', () => {
    expect(portsOf('extra_ports = ["22222:22", "127.0.0.1:53:5353/udp", "[::1]:8080:80"]')).toEqual([
      { hostIp: '0.0.0.0', hostPort: 22222, containerPort: 22, protocol: 'tcp' },
      { hostIp: '127.0.0.1', hostPort: 53, containerPort: 5353, protocol: 'udp' },
      { hostIp: '::1', hostPort: 8080, containerPort: 80, protocol: 'tcp' },
    ]);
  });

  test('include host_port, which leads to port', () => {
    expect(portsOf('port = 3000', 'host_port = 13000')).toEqual([
      { hostIp: '0.0.0.0', hostPort: 13000, containerPort: 3000, protocol: 'tcp' },
    ]);
  });

  test.each(['22', '0:22', '70000:22', '22:22/sctp', '1.2.3:22:22', '999.1.1.1:22:22', '10-20:10-20'])(
    'refuse %j',
    (text) => {
      expect(issuesOf(web(`extra_ports = ["${text}"]`))).toEqual([expect.stringContaining('is not a port')]);
    },
  );

  test('allow one instance only', () => {
    expect(issuesOf(web('extra_ports = ["9000:9000"]', 'replicas = 2'))).toEqual([
      'services/web/service.toml:5:1: service[0].replicas: must be 1: only one instance can have host port 9000',
    ]);
  });
});

describe('probes', () => {
  test('ask the port of the service, every ten seconds, when the text does not say otherwise', () => {
    expect(serviceOf(web('port = 80', '[service.liveness]', 'path = "/healthz"')).liveness).toEqual({
      path: '/healthz',
      port: 80,
      intervalMs: 10_000,
      timeoutMs: 3000,
      failureThreshold: 3,
      initialDelayMs: 5000,
    });
  });

  test('may ask another port', () => {
    const spec = serviceOf(web('port = 80', '[service.readiness]', 'path = "/ready"', 'port = 9000'));
    expect(spec.readiness?.port).toBe(9000);
    expect(spec.liveness).toBeUndefined();
  });

  test('are both set by the shorthand health, and an own table wins', () => {
    const spec = serviceOf(web('port = 80', 'health = "/up"', '[service.liveness]', 'path = "/live"'));
    expect([spec.readiness?.path, spec.liveness?.path]).toEqual(['/up', '/live']);
  });

  test('need some port to ask', () => {
    expect(issuesOf(web('[service.liveness]', 'path = "/"'))).toEqual([
      expect.stringContaining('service[0].liveness: needs a port to ask'),
    ]);
  });
});

describe('environment and command', () => {
  test('hold templates', () => {
    const spec = serviceOf(web('command = ["run", "--key=${secrets.KEY}"]', '[service.env]', 'A = "x${secrets.B}y"'));
    expect(spec.command).toEqual([{ parts: ['run'] }, { parts: ['--key=', { secret: 'KEY' }] }]);
    expect(spec.env).toEqual({ A: { parts: ['x', { secret: 'B' }, 'y'] } });
  });

  test('take numbers and booleans for the text they stand for', () => {
    expect(serviceOf(web('[service.env]', 'PORT = 8080', 'DEBUG = true', 'EMPTY = ""')).env).toEqual({
      PORT: { parts: ['8080'] },
      DEBUG: { parts: ['true'] },
      EMPTY: { parts: [] },
    });
  });

  test('warn where a number loses its digits', () => {
    expect(issuesOf(web('[service.env]', 'VERSION = 1.10'))).toEqual([
      'warning services/web/service.toml:5:1: service[0].env.VERSION: is a number and becomes "1.1"; quote it to keep its exact digits',
    ]);
  });

  test.each([
    ['DAY = 2026-01-02', 'not a date; quote it'],
    ['LIST = ["a"]', 'not a list; quote it'],
    ['NAN = nan', 'quote it'],
    ['"1A" = "x"', 'is not the name of an environment variable'],
    ['"A=B" = "x"', 'is not the name of an environment variable'],
    ['__proto__ = "x"', 'is not the name of an environment variable'],
    ['A = "${secrets.}"', 'malformed secret reference'],
    ['A = "${secrets.KEY"', 'malformed secret reference'],
    ['A = "${secret.KEY}"', 'malformed secret reference'],
    ['A = "${secrets.a b}"', 'malformed secret reference'],
  ])('refuse %j', (line, message) => {
    expect(issuesOf(web('[service.env]', line))).toEqual([expect.stringContaining(message)]);
  });

  test('never repeat a value in a message', () => {
    expect(issuesOf(web('[service.env]', 'A = "hunter2 ${secrets.}"')).join('')).not.toContain('hunter2');
  });
});

describe('limits', () => {
  test.each([
    ['"512Mi"', 536_870_912],
    ['"1G"', 1_000_000_000],
    ['"1.5Gi"', 1_610_612_736],
    ['"2Ti"', 2_199_023_255_552],
    ['"8388608"', 8_388_608],
    ['8388608', 8_388_608],
  ])('memory = %s', (text, bytes) => {
    expect(memoryOf(text)).toBe(bytes);
  });

  test.each(['"4g"', '"512MB"', '"512 Mi"', '""', '"-1G"', '"lots"', 'true', '1.5', '99999999999999999999', '512'])(
    'memory = %s is an error, never "no limit"',
    (text) => {
      expect(issuesOf(web('[service.resources]', `memory = ${text}`))).toHaveLength(1);
    },
  );

  test.each([
    ['0.5', 0.5],
    ['2', 2],
    ['"0.25"', 0.25],
    ['"500m"', 0.5],
  ])('cpu = %s', (text, cpus) => {
    expect(serviceOf(web('[service.resources]', `cpu = ${text}`)).resources.cpus).toBe(cpus);
  });

  test.each(['0', '-1', '"half"', '"500M"', 'nan', 'inf'])('cpu = %s is an error', (text) => {
    expect(issuesOf(web('[service.resources]', `cpu = ${text}`))).toHaveLength(1);
  });
});

describe('replacing and stopping', () => {
  test('take their seconds and policies from the text', () => {
    const spec = serviceOf(
      web(
        'replicas = 3',
        'pull_policy = "never"',
        'restart_policy = "on-failure:5"',
        'stop_grace_secs = 60',
        'stop_signal = "SIGINT"',
        'aliases = ["site", "api.internal"]',
        'network = "orca-internal"',
        '[service.deploy]',
        'order = "stop-first"',
        'min_healthy_secs = 0',
        'healthy_deadline_secs = 60',
        'monitor_secs = 2',
        'drain_secs = 0.5',
      ),
    );
    expect(spec).toMatchObject({
      replicas: 3,
      pullPolicy: 'never',
      restartPolicy: { name: 'on-failure', maxRetries: 5 },
      stopGraceMs: 60_000,
      stopSignal: 'SIGINT',
      aliases: ['api.internal', 'site'],
      network: 'orca-internal',
      deploy: { order: 'stop-first', minHealthyMs: 0, healthyDeadlineMs: 60_000, monitorMs: 2000, drainMs: 500 },
    });
  });

  test.each([
    ['replicas = 101', 'must be a whole number from 0 to 100, not 101'],
    ['replicas = 1.5', 'must be a whole number from 0 to 100, not 1.5'],
    ['port = 0', 'must be a whole number from 1 to 65535, not 0'],
    ['port = "80"', 'must be a whole number from 1 to 65535, not a string'],
    ['restart_policy = "always:3"', 'is not a restart policy'],
    ['restart_policy = "never"', 'is not a restart policy'],
    ['stop_signal = "kill it"', 'must be a signal'],
    ['stop_grace_secs = -1', 'must be a number of seconds'],
    ['pull_policy = "sometimes"', 'must be one of "auto", "always", "never", "if-not-present"'],
    ['runtime = "wasm"', 'only containers run'],
    ['runtime = "podman"', 'must be one of "docker", "container", "wasm"'],
  ])('refuse %j', (line, message) => {
    expect(issuesOf(web(line))).toEqual([expect.stringContaining(message)]);
  });

  test.each(['extra_ports = ["9000:9000"]', 'mounts = ["./data:/data"]', '[service.volume]\npath = "/data"'])(
    'refuse an explicit start-first next to %j',
    (line) => {
      const text = web(
        line.startsWith('[') ? '' : line,
        line.startsWith('[') ? line : '',
        '[service.deploy]',
        'order = "start-first"',
      );
      expect(issuesOf(text)).toEqual([expect.stringContaining('deploy.order: cannot be "start-first"')]);
    },
  );
});

describe('names and images', () => {
  test.each(['a', '-web', 'web-', 'Web', 'we_b', 'a.b', 'x'.repeat(64), ''])('refuse the name %j', (name) => {
    const issues = issuesOf(`[[service]]\nname = "${name}"\nimage = "web:1"`);
    expect(issues).toEqual([expect.stringContaining('services/web/service.toml:2:1: service[0].name: ')]);
  });

  test.each(['-v', '--privileged', 'Web:1', 'web 1', 'web:', '../web', 'web@sha256:abc'])(
    'refuse the image %j',
    (image) => {
      expect(issuesOf(`[[service]]\nname = "web"\nimage = "${image}"`)).toEqual([
        expect.stringContaining('must be an image reference'),
      ]);
    },
  );

  test.each([
    'postgres:16-alpine',
    'quay.io/keycloak/keycloak:25.0',
    'localhost:5000/a/b_c:1.0_2',
    `registry.example.com/foo@sha256:${'a'.repeat(64)}`,
    'gitea/gitea',
  ])('accept the image %j', (image) => {
    expect(serviceOf(`[[service]]\nname = "web"\nimage = "${image}"`).image).toBe(image);
  });

  test('refuse a directory that cannot be a project, unless the text names one', () => {
    expect(issuesOf(inOddDirectory(web()))).toEqual([expect.stringContaining('service[0].project: is required here')]);
    expect(issuesOf(inOddDirectory(web('project = "my-app"')))).toEqual([]);
  });
});

const routeOf = (...lines: readonly string[]) => serviceOf(web('port = 80', ...lines)).route;

const portsOf = (...lines: readonly string[]) => serviceOf(web(...lines)).publishedPorts;

const memoryOf = (text: string) => serviceOf(web('[service.resources]', `memory = ${text}`)).resources.memoryBytes;

const inOddDirectory = (text: string) => [{ path: 'services/My App/service.toml', text }];
