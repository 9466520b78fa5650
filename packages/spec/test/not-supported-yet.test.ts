import { describe, expect, test } from '@jest/globals';
import { clusterIssues, issuesOf, serviceOf, web } from './reading.ts';

const serviceKeys = [
  'triggers = ["http:", "cron:0 0 3 * * *"]',
  'assets = "./public"',
  'module = "app.wasm"',
  '[service.build]\nrepo = "https://git.example.com/a.git"\nbranch = "main"\ndockerfile = "Dockerfile"\ncontext = "."',
  '[service.placement]\nnode = "b"\nrequires_gpu = false\nlabels = { disk = "ssd" }',
  '[service.resources.gpu]\ncount = 1\nvendor = "nvidia"\nvram_min = 8000\nmodel = "A100"',
  '[service.deploy]\nmax_unavailable = 1',
  '[service.deploy]\ncanary_weight = 20',
  '[service.deploy]\nstrategy = "blue-green"',
  '[service.deploy]\nstrategy = "canary"',
  '[service.volume]\npath = "/data"\nsize = "10Gi"',
  '[service.backup]\npre_hook = "dump"',
  'replicas = "auto"',
];

const clusterKeys = [
  '[cluster]\ngrpc_port = 6881',
  '[cluster]\napi_bind = ["0.0.0.0"]',
  '[cluster.network]\nprovider = "netbird"\nsetup_key = "${secrets.KEY}"\nmanagement_url = "https://x"',
  '[network]\nprovider = "netbird"',
  '[backup]\nenabled = true',
  '[[node]]\naddress = "10.0.0.2"\nlabels = { zone = "a" }\n[[node.gpus]]\nvendor = "nvidia"\ncount = 2\nmodel = "A100"',
  '[[token]]\nname = "ci"\nvalue = "${secrets.CI}"\nrole = "deployer"',
  'api_tokens = ["x"]',
  '[observability]\notlp_endpoint = "http://x"\n[observability.alerts]\nwebhook = "https://x"\nemail = "a@b.c"',
  '[ai]\nprovider = "x"\nendpoint = "x"\nmodel = "x"\napi_key = "${secrets.AI}"\n[ai.alerts]\nenabled = true\nanalysis_interval_secs = 60\nchannels = { slack = "x" }\n[ai.auto_remediate]\nrestart_crashed = true',
  '[deploy]\nack_timeout_secs = 10\nadopt_orphans = true',
  '[reconcile]\nconfig_dir = "."\ninterval_secs = 30',
  '[secrets]\nencrypted_file = "s.json"\nage_recipients = ["age1x"]\ngit_autocommit = true',
  '[cleanup]\nschedule = "0 0 4 * * *"\nregistry_keep_tags = 5\nregistry_container = "orca-registry"',
  '[security_headers]\nenabled = true\nhsts = "max-age=1"\ncontent_type_options = true\nextra = { a = "b" }',
  '[fallback]\nhttp = "127.0.0.1:8080"\ntls = "127.0.0.1:8443"',
];

describe('a key whose feature is still to be built', () => {
  test.each(serviceKeys)('is read and warned about: %j', (lines) => {
    expect(issuesOf(web(lines))).toEqual([expect.stringMatching(/^warning .*: not supported yet: /)]);
  });

  test.each(clusterKeys)('is read and warned about in cluster.toml: %j', (text) => {
    expect(clusterIssues(text)).toEqual([expect.stringMatching(/^warning .*: not supported yet: /)]);
  });

  test.each(['keep_min = 7', 'prune_s3 = false', 'bind_mount_max_mb = 512', 'age_recipients = ["age1x"]'])(
    'is warned about beside its table: [backup] %s',
    (line) => {
      expect(clusterIssues(`[backup]\n${line}`)).toEqual([
        expect.stringContaining('not supported yet: [backup]'),
        expect.stringContaining('not supported yet: backup.'),
      ]);
    },
  );

  test.each([
    ['triggers = "http:"', 'must be a list, not a string'],
    ['[service.placement]\nlabels = { disk = 1 }', 'must be a string, not a number'],
    ['[service.build]\nrep = "x"', 'unknown key "rep" in [service.build]; did you mean "repo"?'],
  ])('still has its type checked: %j', (lines, message) => {
    expect(issuesOf(web(lines))).toContainEqual(expect.stringContaining(message));
  });

  test('leaves a service that deploys as if the key were absent', () => {
    expect(serviceOf(web('assets = "./public"', 'replicas = "auto"'))).toEqual(serviceOf(web()));
  });
});
