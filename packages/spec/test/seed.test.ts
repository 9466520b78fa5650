import { describe, expect, test } from '@jest/globals';
import { parseDesiredState, secretNames, updateOrderOf } from '@orca/spec';
import { cluster, clusterIssues, issuesOf, linesOf, ROOT, serviceFile, serviceOf, valueOf } from './reading.ts';

// Every TOML block of the guide that orca is built to, as a reader would paste it. Blocks that are only a part of a
// service follow the service they belong to.

const KEYCLOAK = `
[[service]]
name = "keycloak-db"
image = "postgres:16-alpine"
runtime = "docker"

[service.env]
POSTGRES_DB = "keycloak"
POSTGRES_USER = "\${secrets.KEYCLOAK_DB_USER}"
POSTGRES_PASSWORD = "\${secrets.KEYCLOAK_DB_PASSWORD}"

[[service.volumes]]
source = "keycloak-db-data"
target = "/var/lib/postgresql/data"

[[service]]
name = "keycloak"
image = "quay.io/keycloak/keycloak:25.0"
runtime = "docker"
command = ["start", "--optimized", "--http-enabled=true", "--hostname-strict=false"]
domain = "auth.example.com"
port = 8080
depends_on = ["keycloak-db"]

[service.env]
KC_DB = "postgres"
KC_DB_URL = "jdbc:postgresql://keycloak-db:5432/keycloak"
KC_DB_USERNAME = "\${secrets.KEYCLOAK_DB_USER}"
KC_DB_PASSWORD = "\${secrets.KEYCLOAK_DB_PASSWORD}"
KC_HOSTNAME = "auth.example.com"
KC_PROXY_HEADERS = "xforwarded"
KEYCLOAK_ADMIN = "\${secrets.KEYCLOAK_ADMIN_USERNAME}"
KEYCLOAK_ADMIN_PASSWORD = "\${secrets.KEYCLOAK_BOOTSTRAP_PASSWORD}"

[[service.mounts]]
source = "./services/keycloak/config/custom-theme"
target = "/opt/keycloak/themes/custom-theme"
read_only = true

[service.liveness]
path = "/realms/master"
interval_secs = 30
timeout_secs = 10
failure_threshold = 3
initial_delay_secs = 120
`;

const CLUSTER = `
[cluster]
name = "my-cluster"
domain = "example.com"

[acme]
email = "ops@example.com"
directory = "https://acme-v02.api.letsencrypt.org/directory"

[proxy]
http_port = 80
https_port = 443

[backup]
enabled = true
schedule = "0 0 3 * * *" # daily at 03:00
retention_days = 14

[[backup.targets]]
type = "local"
path = "/var/lib/orca/backups"

[[backup.targets]]
type = "s3"
endpoint = "https://nbg1.your-objectstorage.com"
bucket = "my-backups"
region = "nbg1"
access_key = "\${secrets.HETZNER_S3_ACCESS_KEY}"
secret_key = "\${secrets.HETZNER_S3_SECRET_KEY}"
`;

const BACKUP = CLUSTER.slice(CLUSTER.indexOf('[backup]')).replace(
  '# daily at 03:00',
  '# six-field cron: sec min hour dom mon dow — daily at 03:00:00',
);

const GITEA = `
[[service]]
name = "gitea"
image = "gitea/gitea:1.22"
domain = "git.example.com"
port = 3000
`;

const parts: readonly (readonly [string, string])[] = [
  [
    'env of the section on secrets',
    `[service.env]
KC_DB_USERNAME = "\${secrets.KEYCLOAK_DB_USER}"
KC_DB_PASSWORD = "\${secrets.KEYCLOAK_DB_PASSWORD}"
KEYCLOAK_ADMIN = "\${secrets.KEYCLOAK_ADMIN_USERNAME}"
KEYCLOAK_ADMIN_PASSWORD = "\${secrets.KEYCLOAK_BOOTSTRAP_PASSWORD}"`,
  ],
  [
    'liveness of an ordinary service',
    `[service.liveness]
path = "/healthz"
interval_secs = 30
timeout_secs = 5
failure_threshold = 3
initial_delay_secs = 10`,
  ],
  [
    'liveness of a slow service',
    `[service.liveness]
path = "/realms/master"
interval_secs = 30
timeout_secs = 10
failure_threshold = 3
initial_delay_secs = 120`,
  ],
];

describe('the blocks of the guide', () => {
  test('the two services of Keycloak', () => {
    const parsed = parseDesiredState([serviceFile(KEYCLOAK, 'keycloak')], { root: ROOT, cluster: cluster(CLUSTER) });
    expect(linesOf(parsed)).toEqual([]);
    const [keycloak, db] = valueOf(parsed).services;
    expect(keycloak).toMatchObject({
      name: 'keycloak',
      project: 'keycloak',
      image: 'quay.io/keycloak/keycloak:25.0',
      command: ['start', '--optimized', '--http-enabled=true', '--hostname-strict=false'].map((part) => ({
        parts: [part],
      })),
      route: { domains: ['auth.example.com'], paths: ['/'], stripPrefix: false, port: 8080 },
      dependsOn: ['keycloak-db'],
      mounts: [
        {
          source: `${ROOT}/services/keycloak/config/custom-theme`,
          target: '/opt/keycloak/themes/custom-theme',
          readOnly: true,
        },
      ],
      liveness: {
        path: '/realms/master',
        port: 8080,
        intervalMs: 30_000,
        timeoutMs: 10_000,
        failureThreshold: 3,
        initialDelayMs: 120_000,
      },
    });
    expect(db).toMatchObject({
      volumes: [{ source: 'keycloak-db-data', target: '/var/lib/postgresql/data', readOnly: false }],
    });
    expect([keycloak, db].map((spec) => spec && [secretNames(spec), updateOrderOf(spec).kind])).toEqual([
      [
        ['KEYCLOAK_ADMIN_USERNAME', 'KEYCLOAK_BOOTSTRAP_PASSWORD', 'KEYCLOAK_DB_PASSWORD', 'KEYCLOAK_DB_USER'],
        'start-first',
      ],
      [['KEYCLOAK_DB_PASSWORD', 'KEYCLOAK_DB_USER'], 'stop-first'],
    ]);
  });

  test('cluster.toml, with warnings for what is not built yet and no error', () => {
    expect(clusterIssues(CLUSTER)).toEqual([
      expect.stringMatching(/^warning cluster.toml:14:1: backup: not supported yet/),
    ]);
    expect(cluster(CLUSTER)).toMatchObject({
      name: 'my-cluster',
      domain: 'example.com',
      acme: { email: 'ops@example.com', directory: 'https://acme-v02.api.letsencrypt.org/directory' },
      proxy: { httpPort: 80, httpsPort: 443 },
      backup: { enabled: true, schedule: '0 0 3 * * *', retentionDays: 14 },
    });
  });

  test('[backup] alone', () => {
    expect(cluster(BACKUP).backup).toEqual(cluster(CLUSTER).backup);
  });

  test.each(parts)('%s', (_, block) => {
    expect(issuesOf(GITEA + block)).toEqual([]);
  });

  test('pre_hook, which no backup runs yet', () => {
    const block = '[service.backup]\npre_hook = "pg_dump -U postgres -d keycloak -F c -f /var/backups/keycloak.dump"\n';
    expect(issuesOf(GITEA + block)).toEqual([
      expect.stringMatching(/^warning .*backup.pre_hook; no backup runs it yet/),
    ]);
    expect(serviceOf(GITEA + block).backup.preHook).toMatch(/^pg_dump/);
  });

  test('Gitea, by domain and with its SSH port', () => {
    expect(serviceOf(GITEA).route).toMatchObject({ domains: ['git.example.com'], port: 3000 });
    expect(serviceOf(`${GITEA}extra_ports = ["22222:22"]`).publishedPorts).toEqual([
      { hostIp: '0.0.0.0', hostPort: 22222, containerPort: 22, protocol: 'tcp' },
    ]);
  });
});
