/** Where progress goes, a line at a time and without a line end. */
export type Log = (line: string) => void;

/** For callers that want no progress. */
export const silent: Log = () => {};
