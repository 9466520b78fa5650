import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Encoder } from '../src/compression/encoder.ts';

const decoders = { gzip: gunzipSync, br: brotliDecompressSync, zstd: zstdDecompressSync };

/** Sends chunks into an encoder, waiting when it asks to, and into a sink that is full now and then. */
const encoded = async (
  coding: keyof typeof decoders,
  chunks: readonly Buffer[],
  fullEvery: number,
): Promise<Buffer> => {
  const out: Buffer[] = [];
  let drained = Promise.withResolvers<void>();
  const encoder = new Encoder(coding, {
    write: (chunk) => {
      out.push(chunk);
      if (out.length % fullEvery !== 0) return true;
      setImmediate(() => encoder.resume());
      return false;
    },
    drained: () => drained.resolve(),
    failed: (cause) => drained.reject(cause),
  });
  for (const chunk of chunks) {
    drained = Promise.withResolvers();
    if (!encoder.write(chunk)) await drained.promise;
  }
  await new Promise<void>((resolve) => encoder.end(resolve));
  encoder.destroy();
  return Buffer.concat(out);
};

test('P43 gives every byte back in order, in whatever pieces it came and however the client reads', async () => {
  const chunk = fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 50 }), fc.integer({ min: 1, max: 2_000 }));
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('gzip', 'br', 'zstd'),
      fc.array(chunk, { maxLength: 20 }),
      fc.integer({ min: 1, max: 5 }),
      async (coding, parts, fullEvery) => {
        const chunks = parts.map(([bytes, times]) => Buffer.concat(Array.from({ length: times }, () => bytes)));
        const back = decoders[coding](await encoded(coding, chunks, fullEvery));
        expect(back.equals(Buffer.concat(chunks))).toBe(true);
      },
    ),
    { numRuns: 60 },
  );
});
