import type { Template } from './model.ts';

export type TemplateResult =
  | { readonly ok: true; readonly value: Template }
  | { readonly ok: false; readonly message: string };

/** Names that a secret can have: `NAME`, or `project.NAME`. Anything else could never be set. */
const REFERENCE = /^\$\{secrets\.((?:[A-Za-z0-9][A-Za-z0-9_-]{0,62}\.)?[A-Za-z_][A-Za-z0-9_]{0,127})\}/;
const LOOKS_LIKE_REFERENCE = /^\$\{\s*secrets?\b/i;
const MARK = /\$\$\{|\$\{/g;

/**
 * One pass, left to right: `${secrets.NAME}` is a reference, `$${` stands for a literal `${`, anything else is itself
 * (so `${HOME}` reaches the shell in the container). A broken reference is a fault, never literal text.
 */
export function parseTemplate(text: string): TemplateResult {
  const parts: (string | { readonly secret: string })[] = [];
  let literal = '';
  let from = 0;
  for (let mark = nextMark(text, from); mark !== undefined; mark = nextMark(text, from)) {
    literal += text.slice(from, mark.index);
    const rest = text.slice(mark.index, mark.index + 224);
    const name = REFERENCE.exec(rest)?.[1];
    if (mark.escaped) {
      literal += '${';
      from = mark.index + 3;
    } else if (name !== undefined) {
      if (literal !== '') parts.push(literal);
      parts.push({ secret: name });
      literal = '';
      from = mark.index + '${secrets.}'.length + name.length;
    } else if (LOOKS_LIKE_REFERENCE.test(rest)) {
      return { ok: false, message: malformed(mark.index) };
    } else {
      literal += '${';
      from = mark.index + 2;
    }
  }
  literal += text.slice(from);
  if (literal !== '') parts.push(literal);
  return { ok: true, value: { parts } };
}

/** Replaces every reference by what `lookup` says. Values are not looked into: a secret that holds `${…}` stays as it is. */
export function renderTemplate(template: Template, lookup: (name: string) => string): string {
  return template.parts.map((part) => (typeof part === 'string' ? part : lookup(part.secret))).join('');
}

/** The text again, references unresolved: what may be shown, stored and compared. */
export function formatTemplate(template: Template): string {
  return template.parts
    .map((part) => (typeof part === 'string' ? part.replaceAll('${', '$$$${') : `\${secrets.${part.secret}}`))
    .join('');
}

export function templateSecrets(template: Template): readonly string[] {
  return template.parts.flatMap((part) => (typeof part === 'string' ? [] : [part.secret]));
}

function nextMark(text: string, from: number): { readonly index: number; readonly escaped: boolean } | undefined {
  MARK.lastIndex = from;
  const match = MARK.exec(text);
  return match === null ? undefined : { index: match.index, escaped: match[0].length === 3 };
}

function malformed(index: number): string {
  return `malformed secret reference at character ${index + 1}: write \${secrets.NAME}, or $\${ for a literal \${`;
}
