// One run for the whole repository: tests read the sources (condition @orca/source). Only test/e2e and test/faults run what `pnpm build` wrote.
const project = (name, patterns) => ({
  displayName: name,
  rootDir: import.meta.dirname,
  testEnvironment: '<rootDir>/tooling/jest/environment.mjs',
  testEnvironmentOptions: { customExportConditions: ['@orca/source', 'node', 'node-addons'] },
  testMatch: patterns.map((pattern) => `<rootDir>/${pattern}`),
  modulePathIgnorePatterns: ['<rootDir>/(packages|apps)/[^/]+/dist/'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {},
});

export default {
  projects: [
    project('unit', [
      'packages/*/test/**/!(*.int).test.ts',
      'apps/*/test/**/!(*.int).test.ts',
      'tooling/*/test/**/!(*.int).test.ts',
    ]),
    project('int', [
      'packages/*/test/**/*.int.test.ts',
      'apps/*/test/**/*.int.test.ts',
      'tooling/*/test/**/*.int.test.ts',
      'test/e2e/**/*.test.ts',
      'test/faults/**/*.test.ts',
    ]),
  ],
  // For what hangs: a test that takes 20 s alone may take minutes on a machine with other work.
  testTimeout: 300_000,
  // Modules of tests stay in memory, some 5 MB a file: one process for all of them would grow without end, and what ends it would end
  // the run.
  workerIdleMemoryLimit: '600MB',
  coverageProvider: 'v8',
  reporters: ['default', 'summary', '<rootDir>/tooling/jest/reporter.mjs'],
};
