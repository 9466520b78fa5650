/** What a package may import of the others, by directory. `import type` counts: a type is knowledge too. */
export interface Edges {
  /** Packages it may import. */
  readonly imports: readonly string[];
  /** Packages it may only load when a command needs them: by `import()`, or for their types. */
  readonly onDemand?: readonly string[];
  /** Its files that are loaded on demand themselves, and so may import those directly. */
  readonly onDemandFiles?: readonly string[];
}

/**
 * The house's plan. An edge is added here in the same commit as the import, with a reason in
 * its message; what is listed must exist. Packages know no app, and meet only where listed.
 */
export const edges: Readonly<Record<string, Edges>> = {
  'packages/spec': { imports: [] },
  'packages/secrets': { imports: [] },
  'packages/store': { imports: [] },
  // Generic over the caller's spec (docs/decisions/002): anyone's nouns will do.
  'packages/reconcile': { imports: [] },
  'packages/proxy': { imports: [] },
  'packages/acme': { imports: [] },
  'packages/backup': { imports: [] },
  'packages/api': { imports: [] },
  'packages/runtime-docker': { imports: ['packages/reconcile', 'packages/spec'] },
  'apps/agent': { imports: [] },
  'apps/server': {
    imports: [
      'packages/acme',
      'packages/api',
      'packages/proxy',
      'packages/reconcile',
      'packages/runtime-docker',
      'packages/secrets',
      'packages/spec',
      'packages/store',
    ],
  },
  'apps/cli': {
    imports: ['packages/api', 'packages/secrets', 'packages/spec'],
    onDemand: ['apps/server', 'apps/agent'],
    onDemandFiles: ['src/server-bundle.ts'],
  },
};
