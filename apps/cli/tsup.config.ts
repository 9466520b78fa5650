import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig, type Options } from 'tsup';

const { version } = JSON.parse(readFileSync(join(import.meta.dirname, 'package.json'), 'utf8')) as { version: string };

/** Everything is bundled: `npm i -g` then fetches one package and starts fast. */
const common: Options = {
  outDir: 'dist',
  target: 'node24',
  platform: 'node',
  clean: false,
  dts: false,
  // `node:sqlite` has no name without its prefix.
  removeNodeProtocol: false,
  minify: true,
  noExternal: [/.*/],
  define: { ORCA_VERSION: JSON.stringify(version) },
};
const conditions = ['@orca/source', 'node', 'import'];
const shim = (name: string): string => join(import.meta.dirname, 'shims', `${name}.ts`);

export default defineConfig([
  {
    ...common,
    // CommonJS starts 15 ms sooner than an ES module of the same size.
    entry: ['src/main.ts', 'src/program.ts'],
    splitting: false,
    format: ['cjs'],
    // import.meta.url has to mean something in CommonJS as well.
    shims: true,
    esbuildPlugins: [
      {
        // Files of their own: the program, whose compiled form is cached, and the server, which one command needs.
        name: 'on-demand',
        setup: (build) => {
          build.onResolve({ filter: /^@orca\/server$/ }, () => ({ path: './server.js', external: true }));
          build.onResolve({ filter: /^\.\/program\.ts$/ }, () => ({ path: './program.cjs', external: true }));
        },
      },
    ],
    esbuildOptions(options) {
      options.conditions = conditions;
      options.banner = { js: '#!/usr/bin/env node' };
      // import() would start the loader of ES modules for 10 ms; require() can load them as well by now.
      options.supported = { 'dynamic-import': false };
      options.alias = {
        'string-width': shim('string-width'),
        'strip-ansi': shim('strip-ansi'),
        'wrap-ansi': shim('wrap-ansi'),
      };
    },
  },
  {
    ...common,
    entry: {
      server: 'src/server-bundle.ts',
      // Found beside the server's bundle, because it is started by its path.
      'spec-worker': '../../packages/spec/src/spec-worker.ts',
      // So are these: the processes that the proxy runs in.
      'proxy-supervisor': '../../packages/proxy/src/process/supervisor-main.ts',
      'proxy-worker': '../../packages/proxy/src/process/worker-main.ts',
    },
    format: ['esm'],
    splitting: false,
    minify: false,
    sourcemap: true,
    esbuildOptions(options) {
      options.conditions = conditions;
      options.alias = { ssh2: shim('unused'), '@grpc/grpc-js': shim('unused'), '@grpc/proto-loader': shim('unused') };
      options.banner = {
        js: "import { createRequire as __orcaRequire } from 'node:module'; const require = __orcaRequire(import.meta.url); import { fileURLToPath as __orcaPath } from 'node:url'; import { dirname as __orcaDirname } from 'node:path'; const __filename = __orcaPath(import.meta.url); const __dirname = __orcaDirname(__filename);",
      };
    },
  },
]);
