import { installPackages, silent } from '@orca/tooling-testbed';
import { choose } from '../choose.ts';
import type { Scenario, ScenarioContext, ScenarioResult } from '../scenario.ts';
import { Findings } from './findings.ts';
import { canaryRun } from './secret-canary.ts';
import { callPoints, faultsAfter, runUnder, secretWorks } from './secret-calls.ts';
import { withSecretPlace } from './secret-store.ts';
import { tamperings } from './secret-tampering.ts';

const WRITERS = 50;
/** Below it a run is a short one. */
const FEW = 50;
const COMMANDS = [
  ['verify'],
  ['set', 'A', '-'],
  ['list'],
  ['rm', 'B', '--force'],
  ['rotate-key'],
  ['export', '--recovery'],
];

/** F43: the file is valid at every moment, whatever is done to it is noticed, and no value shows anywhere. */
export const secrets: Scenario = {
  id: 'F43',
  title: 'secrets: kill -9 at each file call, 50 writers at once, a changed file or key, a canary in a whole run',
  counts: { short: 6, full: 1_000 },
  inCi: true,
  run: (context) => all(context),
};

const all = async (context: ScenarioContext): Promise<ScenarioResult> => {
  await installPackages(['strace', 'git'], silent);
  const findings = new Findings();
  await kills(context, findings);
  await writers(findings);
  context.log(`${WRITERS} writers`);
  await tampered(findings, context.count < FEW ? COMMANDS.slice(0, 2) : COMMANDS);
  context.log('tampering');
  await canaryRun(findings);
  return findings.result();
};

const kills = async (context: ScenarioContext, findings: Findings): Promise<void> => {
  const { count, seed, signal } = context;
  const points = (await Promise.all(secretWorks.map(callPoints))).flat();
  const chosen = choose(points, count, seed);
  let whole = 0;
  let reached = 0;
  for (const [index, { work, call, nth }] of chosen.entries()) {
    signal.throwIfAborted();
    await withSecretPlace(async (place) => {
      await work.prepare(place);
      const { code } = await runUnder(place, work, ['-e', `inject=${call}:signal=KILL:when=${nth}`]);
      const where = `${work.what}: killed at ${call} ${nth}`;
      // How often a lock is looked at differs from run to run: the last of a kind may not come.
      if (code !== 0) reached += 1;
      const faults = await faultsAfter(place, work).catch((error: unknown) => [String(error)]);
      if (faults.length === 0) whole += 1;
      for (const fault of faults) findings.expect(false, `${where}: ${fault}`);
    });
    if (index % 25 === 24) context.log(`${index + 1} of ${chosen.length} kills`);
  }
  findings.expect(reached >= chosen.length * 0.9 - 1, `only ${reached} of ${chosen.length} kills hit`);
  findings.figure(
    `${whole}/${chosen.length} kills (of ${points.length} file calls in 4 commands): valid, and finished by the next run`,
  );
};

/** Each a process of its own, the first of them making key and file. */
const writers = async (findings: Findings): Promise<void> =>
  withSecretPlace(async (place) => {
    const names = Array.from({ length: WRITERS }, (_, index) => `N${index}`);
    const watching = new AbortController();
    const watch = watchFile(() => place.open().verify(), watching.signal);
    const ended = await Promise.all(names.map((name) => place.orca(['set', name, '-'], `value of ${name}`)));
    watching.abort();
    const { looks, faults } = await watch;
    for (const { code, stderr } of ended) findings.expect(code === 0, `a writer ended with ${code}: ${stderr}`);
    const values = await place.open().values();
    const right = names.filter((name) => values.get(name)?.reveal() === `value of ${name}`);
    findings.expect(right.length === WRITERS, `${WRITERS - right.length} of ${WRITERS} secrets are lost`);
    for (const fault of faults) findings.expect(false, `while ${WRITERS} wrote: ${fault}`);
    findings.figure(
      `${right.length}/${WRITERS} written by as many processes at once; the file valid at ${looks} looks`,
    );
  });

const watchFile = async (
  look: () => Promise<unknown>,
  signal: AbortSignal,
): Promise<{ readonly looks: number; readonly faults: readonly string[] }> => {
  const faults: string[] = [];
  let looks = 0;
  while (!signal.aborted) {
    await look().catch((error: unknown) => faults.push(String(error)));
    looks += 1;
    await new Promise((done) => setTimeout(done, 10));
  }
  return { looks, faults };
};

/** Refused by every command, with the right word, and left as it was found. */
const tampered = async (findings: Findings, commands: readonly (readonly string[])[]): Promise<void> => {
  let refused = 0;
  for (const { what, change, says } of tamperings) {
    await withSecretPlace(async (place) => {
      await place.set('A', 'first value');
      await place.set('B', 'other value');
      await change(place);
      const before = place.raw();
      const ended = await Promise.all(commands.map((args) => place.orca(args, 'x')));
      const isRefused = ended.every(({ code, stderr }) => code === 1 && says.test(stderr));
      const shown = ended.map(({ code, stderr }) => `${code} ${stderr.trim()}`).join('; ');
      if (findings.expect(isRefused && place.raw() === before, `${what}: ${shown}`)) refused += 1;
    });
  }
  findings.figure(
    `${refused}/${tamperings.length} changes refused by ${commands.length} commands each: ${tamperings.map((t) => t.what).join(', ')}`,
  );
};
