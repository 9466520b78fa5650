/** `Retry-After` (RFC 9110, section 10.2.3), in seconds or as a date, as a time; `undefined` when absent or senseless. */
export const retryAfter = (value: string | undefined, now: number): number | undefined => {
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value.trim())) return now + Number(value.trim()) * 1000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(at, now);
};
