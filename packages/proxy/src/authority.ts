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
  const groups = shape.exec(text.toLowerCase())?.groups;
  const name = groups?.['name'];
  if (name === undefined || name.length > longestName || name.includes('..')) return undefined;
  if (groups?.['port'] === undefined) return { name, port: undefined };
  const port = Number(groups['port']);
  return port >= 1 && port <= 65_535 ? { name, port } : undefined;
};
