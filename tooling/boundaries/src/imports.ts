export interface Import {
  readonly specifier: string;
  /** `static` is there once the file is loaded, `dynamic` when the line is reached, `type` never. */
  readonly kind: 'static' | 'dynamic' | 'type';
}

const FROM = /\b(import|export)(\s+type\b(?!\s*,|\s+from\b))?[^;'"`]*?\bfrom\s*(['"])([^'"\n]+)\3/g;
const BARE = /\bimport\s*(['"])([^'"\n]+)\1/g;
const CALL = /\b(?:import|require|import\.meta\.resolve)\s*\(\s*(['"`])([^'"`\n]+)\1/g;

/**
 * Every module that a source text names. It reads text, not syntax: an import in a comment
 * is found as well, which errs on the side of asking.
 */
export const importsOf = (source: string): readonly Import[] => [
  ...[...source.matchAll(FROM)].map((match) => found(match[4], match[2] === undefined ? 'static' : 'type')),
  ...[...source.matchAll(BARE)].map((match) => found(match[2], 'static')),
  ...[...source.matchAll(CALL)].map((match) => found(match[2], 'dynamic')),
];

const found = (specifier: string | undefined, kind: Import['kind']): Import => ({ specifier: specifier ?? '', kind });
