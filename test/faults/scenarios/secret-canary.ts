import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { docker, run, type Orca } from '../../e2e/orca.ts';
import type { Findings } from './findings.ts';
import { listAt, textAt, valueAt } from './json.ts';
import { serverPid, serviceText, withOrca } from './with-orca.ts';

/** Values that would be found in any text, with characters that JSON, URLs and base64 write differently. */
const CANARIES = {
  ENV: 'canary/4711+"env"\\ ü',
  NEXT: 'canary/4712+"env"\\ ü',
  FILE: 'canary-in-a-file\nof two lines, the second longer',
  PATH: 'canary-in-a-path',
  TAG: 'canary-in-a-tag',
} as const;

const image = 'orca-test/app:1';
const project = 'services/canary/service.toml';

const printing = (name: string, more: string): readonly string[] => [
  'port = 8080',
  `entrypoint = ["/bin/sh", "-c", 'echo "${name} has $TOKEN"; echo "$TOKEN" >&2; ${more}']`,
];
const env = ['[service.env]', 'TOKEN = "${secrets.ENV}"'];
const quick = ['[service.deploy]', 'min_healthy_secs = 0', 'healthy_deadline_secs = 4'];

/** One that works, one whose probe fails, one that cannot start, one whose image is not there. */
const services = (): readonly string[] => [
  serviceText('f43-well', image, [
    ...printing('f43-well', 'exec /entrypoint.sh'),
    'domain = "canary.test"',
    ...quick,
    ...env,
    'TOKEN_FILE = "/run/secrets/token"',
    '[service.secret_files]',
    'token = "${secrets.FILE}"',
    '[service.liveness]',
    'path = "/version?key=${secrets.PATH}"',
    'initial_delay_secs = 0',
  ]),
  serviceText('f43-sick', image, [
    ...printing('f43-sick', 'exec /entrypoint.sh'),
    ...quick,
    ...env,
    'READY_AFTER = "1000"',
    '[service.readiness]',
    'path = "/cgi-bin/ready?key=${secrets.PATH}"',
    'initial_delay_secs = 0',
  ]),
  serviceText('f43-fails', image, [...printing('f43-fails', 'exit 3'), ...quick, ...env]),
  serviceText('f43-gone', '127.0.0.1:9/app:${secrets.TAG}', ['port = 8080', ...quick]),
];

/** Runs all that a user does, with secrets that must not show, and looks for them in all that it leaves. */
export const canaryRun = async (findings: Findings): Promise<void> => {
  const memory = mkdtempSync('/dev/shm/orca-f43-');
  process.env['ORCA_RUN_DIR'] = memory;
  try {
    await withOrca('f43', [image], (orca) => live(orca, findings), { logLevel: 'debug' });
  } finally {
    delete process.env['ORCA_RUN_DIR'];
    rmSync(memory, { recursive: true, force: true });
  }
};

const live = async (orca: Orca, findings: Findings): Promise<void> => {
  const said: Artefact[] = [];
  const ask = async (args: readonly string[], input?: string): Promise<number | null> => {
    const { code, stdout, stderr } = await orca.orca(args, input === undefined ? {} : { input });
    said.push({ name: `orca ${args.join(' ')}`, text: `${stdout}\n${stderr}` });
    return code;
  };
  for (const name of ['ENV', 'FILE', 'PATH', 'TAG'] as const)
    findings.expect((await ask(['secrets', 'set', name, '-'], CANARIES[name])) === 0, `${name} was not set`);
  orca.write(project, services().join('\n'));
  await ask(['plan']);
  findings.expect((await ask(['deploy'])) === 1, 'the deploy of broken services did not fail');
  findings.expect(
    (await orca.get('canary.test', '/version')).status === 200,
    'the service that is well does not serve',
  );
  const inContainer = await docker('exec', 'orca-f43-well', 'sh', '-c', 'printf %s "$TOKEN"; cat "$TOKEN_FILE"');
  findings.expect(inContainer === CANARIES.ENV + CANARIES.FILE, 'the container has not got its secrets');
  for (const args of [
    ['certs'],
    ['certs', '--json'],
    ['status'],
    ['status', '--json'],
    ['secrets', 'list'],
    ['secrets', 'list', '--json'],
    ['secrets', 'verify'],
  ])
    await ask(args);
  for (const name of ['f43-well', 'f43-sick', 'f43-fails']) await ask(['logs', name]);
  await ask(['secrets', 'set', 'ENV', '-'], CANARIES.NEXT);
  for (const args of [['status'], ['plan'], ['deploy', 'f43-well'], ['logs', 'f43-well'], ['redeploy', 'f43-well']])
    await ask(args);
  said.push(...(await apiAnswers(orca)), { name: 'command line of the server', text: cmdline(serverPid(orca)) });
  said.push({ name: 'terminal of the server', text: orca.output }, ...(await engineShows(orca)));
  await orca.end('SIGKILL');
  await orca.start();
  await ask(['status']);
  await ask(['logs', 'f43-well']);
  await ask(['secrets', 'rotate-key']);
  await ask(['stop']);
  said.push({ name: 'terminal of the second server', text: orca.output });
  await orca.end('SIGTERM');
  said.push(...filesBelow(orca.home), ...filesBelow(orca.root));
  report(said, findings);
  const masked = said.filter(({ name, text }) => name.startsWith('orca logs') && text.includes('[secret]'));
  findings.expect(masked.length >= 3, 'the logs show no mask where the services printed their secrets');
  findings.expect(/^LimitCORE=0$/m.test(unit()), 'docs/orca.service lets the server leave a core');
};

interface Artefact {
  readonly name: string;
  readonly text: string;
}

const report = (artefacts: readonly Artefact[], findings: Findings): void => {
  const forms = Object.values(CANARIES).flatMap(formsOf);
  const found = artefacts.filter(({ text }) => forms.some((form) => text.includes(form)));
  for (const { name, text } of found) {
    const form = forms.find((f) => text.includes(f)) ?? '';
    findings.expect(
      false,
      `${name} shows a secret: …${text.slice(Math.max(0, text.indexOf(form) - 60)).slice(0, 140)}…`,
    );
  }
  const bytes = artefacts.reduce((sum, { text }) => sum + text.length, 0);
  findings.figure(
    `canary: in ${found.length} of ${artefacts.length} artefacts (${Math.round(bytes / 1024)} kB of commands, answers, log, records, engine), ${forms.length} forms looked for`,
  );
};

const formsOf = (value: string): readonly string[] => {
  const base64 = Buffer.from(value).toString('base64').replace(/=+$/, '').slice(0, -1);
  const lines = value.split('\n').filter((line) => line.length >= 12);
  return [...new Set([value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value), base64, ...lines])];
};

/** What the API says to a caller of its own, as bytes. */
const apiAnswers = async (orca: Orca): Promise<readonly Artefact[]> => {
  const token = readFileSync(join(orca.home, 'cluster.token'), 'utf8').trim();
  const headers = {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    accept: 'application/x-ndjson',
  };
  const at = (path: string): string => `http://127.0.0.1:${orca.apiPort}/api/v1${path}`;
  const body = JSON.stringify({ services: ['f43-fails', 'f43-gone'] });
  const calls = [
    ['/status', { headers }],
    ['/metrics', { headers }],
    ['/services/f43-well/logs?tail=50', { headers }],
    ['/deploy', { headers, method: 'POST', body }],
  ] as const;
  const answers: Artefact[] = [];
  for (const [path, init] of calls) {
    const answer = await fetch(at(path), init);
    const shown = [...answer.headers].map((pair) => pair.join(': ')).join('\n');
    answers.push({ name: `API ${path}`, text: `${shown}\n${await answer.text()}` });
  }
  return answers;
};

/** All that the engine shows of the containers, but for the environment that they were given. */
const engineShows = async (orca: Orca): Promise<readonly Artefact[]> => {
  const ids = (await docker('ps', '-aq', '--filter', `label=orca.cluster=${orca.cluster}`)).split('\n');
  const inspected: unknown = JSON.parse(await docker('inspect', ...ids));
  const containers = listAt({ inspected }, 'inspected').map((container) => {
    const config = valueAt(container, 'Config');
    const rest = typeof config === 'object' && config !== null ? { ...config, Env: [] } : {};
    const whole = typeof container === 'object' && container !== null ? { ...container, Config: rest } : {};
    return { name: `docker inspect ${textAt(container, 'Name') ?? ''}`, text: JSON.stringify(whole) };
  });
  const others = await run('docker', [
    'events',
    '--since',
    '10m',
    '--until',
    '0s',
    '--filter',
    `label=orca.cluster=${orca.cluster}`,
  ]);
  return [
    ...containers,
    { name: 'docker events', text: others.stdout },
    { name: 'docker ps', text: await docker('ps', '-a', '--no-trunc') },
  ];
};

const cmdline = (pid: number): string => readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ');
const unit = (): string => readFileSync(resolve(import.meta.dirname, '../../../docs/orca.service'), 'utf8');

const filesBelow = (directory: string): readonly Artefact[] =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => join(directory, name))
    .filter((path) => lstatSync(path).isFile())
    .map((path) => ({ name: path.slice(directory.length + 1), text: readFileSync(path, 'utf8') }));
