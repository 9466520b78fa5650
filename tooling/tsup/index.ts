import { defineConfig } from 'tsup';

/** Settings of a published library: JavaScript only, because the declarations come from `tsc -b`. */
export const library = (entry: string[] | Record<string, string>): ReturnType<typeof defineConfig> =>
  defineConfig({
    entry,
    outDir: 'dist',
    format: ['esm'],
    target: 'node24',
    platform: 'node',
    sourcemap: true,
    // `clean` would delete the declarations and leave tsc's build info, which then believes they exist.
    clean: false,
    dts: false,
    // `node:sqlite` has no name without its prefix.
    removeNodeProtocol: false,
  });
