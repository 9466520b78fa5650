import { type AST, parseTOML } from 'toml-eslint-parser';

export type Path = readonly (string | number)[];
export interface Position {
  readonly line: number;
  readonly col: number;
}

const START: Position = { line: 1, col: 1 };

/**
 * Finds where a key or element was written. A path that is not in the text (a missing key) gives the nearest table
 * around it. Costs a second parse, so it is only asked when there is something to report.
 */
export function createLocator(text: string): (path: Path) => Position {
  const found = new Map<string, Position>();
  try {
    for (const node of parseTOML(text).body[0].body) recordNode(found, [], node);
  } catch {
    // This parser is stricter in places; a fault without its position is still a fault.
  }
  return (path) => {
    for (let length = path.length; length > 0; length--) {
      const position = found.get(keyOf(path.slice(0, length)));
      if (position !== undefined) return position;
    }
    return START;
  };
}

type Found = Map<string, Position>;

function recordNode(found: Found, base: Path, node: AST.TOMLTable | AST.TOMLKeyValue): void {
  if (node.type === 'TOMLTable') {
    record(found, node.resolvedKey, node.loc.start);
    for (const child of node.body) recordNode(found, node.resolvedKey, child);
    return;
  }
  let path = base;
  for (const key of node.key.keys) {
    path = [...path, key.type === 'TOMLBare' ? key.name : key.value];
    record(found, path, key.loc.start);
  }
  recordValue(found, path, node.value);
}

function recordValue(found: Found, path: Path, node: AST.TOMLContentNode): void {
  if (node.type === 'TOMLInlineTable') for (const child of node.body) recordNode(found, path, child);
  if (node.type !== 'TOMLArray') return;
  for (const [index, element] of node.elements.entries()) {
    record(found, [...path, index], element.loc.start);
    recordValue(found, [...path, index], element);
  }
}

function record(found: Found, path: Path, start: { readonly line: number; readonly column: number }): void {
  const key = keyOf(path);
  if (!found.has(key)) found.set(key, { line: start.line, col: start.column + 1 });
}

const keyOf = (path: Path): string => JSON.stringify(path);
