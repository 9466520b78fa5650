/** What others say goes to logs and terminals: no control characters, and not a novel. */
export const foreignText = (value: unknown, longest = 1000): string =>
  typeof value === 'string' ? value.replaceAll(/\p{Cc}+/gu, ' ').slice(0, longest) : '';

/** An address from somebody else, as a parser writes it; `undefined` unless it is one of the web. */
export const foreignUrl = (value: unknown): string | undefined => {
  if (typeof value !== 'string' || !URL.canParse(value)) return undefined;
  const { protocol, href } = new URL(value);
  return protocol === 'https:' || protocol === 'http:' ? href : undefined;
};
