import { anyFlag, anyNumber, anyText, anyTextTable, either, looseTable } from './loose.ts';
import { list } from './read.ts';
import type { LaterKey } from './table.ts';

const NETWORK = { provider: anyText, setup_key: anyText, management_url: anyText };

const node = looseTable('[[node]]', {
  address: anyText,
  labels: anyTextTable,
  gpus: list(looseTable('[[node.gpus]]', { vendor: anyText, count: anyNumber, model: anyText })),
});

const ai = looseTable('[ai]', {
  provider: anyText,
  endpoint: anyText,
  model: anyText,
  api_key: anyText,
  alerts: looseTable('[ai.alerts]', {
    enabled: anyFlag,
    analysis_interval_secs: anyNumber,
    alert_grace_secs: anyNumber,
    channels: looseTable('[ai.alerts.channels]', { slack: anyText, webhook: anyText, email: anyText }),
  }),
  auto_remediate: looseTable('[ai.auto_remediate]', {
    restart_crashed: anyFlag,
    scale_on_pressure: anyFlag,
    rollback_on_failure: anyFlag,
  }),
});

const observability = looseTable('[observability]', {
  otlp_endpoint: anyText,
  alerts: looseTable('[observability.alerts]', { webhook: anyText, email: anyText }),
});

const deploy = looseTable('[deploy]', {
  ack_timeout_secs: anyNumber,
  completion_timeout_secs: anyNumber,
  adopt_orphans: anyFlag,
  adopt_interval_secs: anyNumber,
  ws_idle_timeout_secs: anyNumber,
});

const secrets = looseTable('[secrets]', {
  encrypted_file: anyText,
  age_key_file: anyText,
  age_recipients: list(anyText),
  git_autocommit: anyFlag,
});

const isText = (value: unknown): boolean => typeof value === 'string';
const isFlag = (value: unknown): boolean => typeof value === 'boolean';

const securityHeaders = looseTable('[security_headers]', {
  enabled: anyFlag,
  hsts: either('text or true/false', isText, isFlag),
  content_type_options: either('text or true/false', isText, isFlag),
  referrer_policy: anyText,
  frame_options: anyText,
  csp: anyText,
  extra: anyTextTable,
});

const cleanup = looseTable('[cleanup]', {
  schedule: anyText,
  registry_keep_tags: anyNumber,
  registry_container: anyText,
});

/** Keys of cluster.toml whose features are still to be built, with the words the warning uses. */
export const LATER_CLUSTER_KEYS: {
  readonly root: Readonly<Record<string, LaterKey>>;
  readonly cluster: Readonly<Record<string, LaterKey>>;
  readonly backup: Readonly<Record<string, LaterKey>>;
} = {
  root: {
    node: { feature: '[[node]]; there is one node, this machine', read: list(node) },
    token: {
      feature: '[[token]]; the one in ~/.orca/cluster.token is used',
      read: list(looseTable('[[token]]', { name: anyText, value: anyText, role: anyText })),
    },
    api_tokens: { feature: 'api_tokens; the token in ~/.orca/cluster.token is used', read: list(anyText) },
    network: { feature: '[network] (a network between nodes)', read: looseTable('[network]', NETWORK) },
    observability: { feature: '[observability]', read: observability },
    ai: { feature: '[ai]', read: ai },
    deploy: { feature: '[deploy] (deploys on other nodes)', read: deploy },
    reconcile: {
      feature: '[reconcile]',
      read: looseTable('[reconcile]', { config_dir: anyText, interval_secs: anyNumber }),
    },
    secrets: { feature: '[secrets] (an encrypted file in the repository)', read: secrets },
    cleanup: { feature: '[cleanup]', read: cleanup },
    security_headers: { feature: '[security_headers]', read: securityHeaders },
    fallback: { feature: '[fallback]', read: looseTable('[fallback]', { http: anyText, tls: anyText }) },
    api: { feature: '[api]', read: looseTable('[api]', { expose: anyFlag }) },
  },
  cluster: {
    grpc_port: { feature: 'cluster.grpc_port (agents)', read: anyNumber },
    network: {
      feature: '[cluster.network] (a network between nodes)',
      read: looseTable('[cluster.network]', NETWORK),
    },
  },
  backup: {
    keep_min: { feature: 'backup.keep_min', read: anyNumber },
    prune_s3: { feature: 'backup.prune_s3', read: anyFlag },
    bind_mount_max_mb: { feature: 'backup.bind_mount_max_mb', read: anyNumber },
    age_recipients: { feature: 'backup.age_recipients', read: list(anyText) },
  },
};
