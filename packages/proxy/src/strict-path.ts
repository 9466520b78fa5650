/** What one application reads as `/`, `.` or `\`, and another does not. */
const ambiguous = /%2f|%2e|%5c|\\|\/\.{1,2}(?=[/;?]|$)/i;

/**
 * Whether everybody reads a raw path as the same path. A prefix that decides who may see what
 * lies beside it must not be walked out of (CVE-2025-66490); putting such a path in order
 * would be the proxy's reading, not the application's. The query is nobody's path.
 */
export const isUnambiguous = (path: string): boolean => {
  const query = path.indexOf('?');
  return !ambiguous.test(query === -1 ? path : path.slice(0, query));
};
