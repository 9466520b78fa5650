export interface Authority {
  /** Lower-case, without port and trailing dot; an IPv6 literal keeps its brackets. */
  readonly name: string;
  readonly port: number | undefined;
}

const shape = /^(?<name>\[[0-9a-f:.]+\]|[0-9a-z_](?:[0-9a-z_.-]*[0-9a-z_-])?)\.?(?::(?<port>\d{1,5}))?$/;
const longestName = 253;

/**
 * Reads a Host field or an absolute target's authority (RFC 9110 §7.2). Narrower than the
 * grammar on purpose: percent-encoding, sub-delimiters and user information have no place in a
 * name that somebody serves, and every peer reads them differently.
 */
export const parseAuthority = (text: string): Authority | undefined => {
  const known = read.get(text);
  if (known !== undefined) return known;
  const authority = readAuthority(text);
  if (authority === undefined) return undefined;
  if (read.size >= mostRead) read.clear();
  read.set(text, authority);
  return authority;
};

/** A proxy serves few names, again and again; whoever makes up others only empties this. */
const read = new Map<string, Authority>();
const mostRead = 1_000;

const readAuthority = (text: string): Authority | undefined => {
  const groups = shape.exec(text.toLowerCase())?.groups;
  const name = groups?.['name'];
  if (name === undefined || name.length > longestName || name.includes('..')) return undefined;
  if (groups?.['port'] === undefined) return { name, port: undefined };
  const port = Number(groups['port']);
  return port >= 1 && port <= 65_535 ? { name, port } : undefined;
};
