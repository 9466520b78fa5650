/** What is read at once from a target, at most. */
export const readBufferBytes: number = 64 * 1024;

/** Below this a buffer of the full size would be mostly air, and a slow client holds many. */
const worthwhileBytes = readBufferBytes / 2;
/** Enough for what is being written at one moment; more would only lie about. */
const mostSpare = 32;

const spare: Buffer[] = [];

type Written = (error?: Error | null) => void;

/**
 * Writes a copy of bytes that are good only for now. Large copies use the same memory again once they
 * are written: the kernel takes most at once, and new memory for each would be collected by the megabyte.
 */
export const writeCopy = (view: Buffer, write: (copy: Buffer, onWritten?: Written) => boolean): boolean => {
  if (view.length < worthwhileBytes || view.length > readBufferBytes) return write(Buffer.from(view));
  const whole = spare.pop() ?? Buffer.allocUnsafeSlow(readBufferBytes);
  view.copy(whole);
  // After a failure somebody may still hold it.
  return write(whole.subarray(0, view.length), (error) => {
    if (!error && spare.length < mostSpare) spare.push(whole);
  });
};
