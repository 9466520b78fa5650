import type { Context } from '../../context.ts';
import { findConsumers } from './consumers.ts';
import { openPlace, type SecretsOptions } from './place.ts';

/** Names, revisions, ages and who uses them; never values. */
export const listSecrets = async (
  context: Context,
  { json, ...options }: SecretsOptions & { readonly json: boolean },
): Promise<number> => {
  const place = await openPlace(context, options);
  const infos = await place.store.names();
  const consumers = await findConsumers(place.root);
  const { stdout, stderr } = context;
  if (!consumers.isComplete)
    stderr.write('warning: some files have errors; what they use is not known (see: orca plan)\n');
  if (json) {
    const all = infos.map((info) => ({ ...info, consumers: consumers.of(info.name) }));
    stdout.write(`${JSON.stringify(all, null, 2)}\n`);
    return 0;
  }
  if (infos.length === 0) {
    if (stdout.isTTY) stderr.write('no secrets yet; set one: orca secrets set NAME\n');
    return 0;
  }
  const rows = infos.map(({ name, rev, updated }) => [
    name,
    String(rev),
    ageOf(updated, Date.now()),
    consumers.of(name).join(', ') || '-',
  ]);
  const table = [['NAME', 'REV', 'AGE', 'USED BY'], ...rows];
  const widths = [0, 1, 2].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  for (const row of table) {
    const cells = row.map((cell, column) => cell.padEnd(widths[column] ?? 0));
    stdout.write(`${cells.join('  ').trimEnd()}\n`);
  }
  return 0;
};

const ageOf = (updated: string, now: number): string => {
  const minutes = Math.max(0, Math.floor((now - Date.parse(updated)) / 60_000));
  if (minutes < 60) return `${minutes}m`;
  return minutes < 48 * 60 ? `${Math.floor(minutes / 60)}h` : `${Math.floor(minutes / 1440)}d`;
};
