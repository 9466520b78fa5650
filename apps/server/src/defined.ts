export type Defined<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> };

// The overload ties the result to what goes in; the body can only know that nothing undefined is left.
/** Without what is undefined: where absence and `undefined` differ, absence is meant. */
export function defined<T extends object>(fields: T): Defined<T>;
export function defined(fields: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** The same, and `undefined` when nothing is left at all. */
export const some = <T extends object>(fields: T): Defined<T> | undefined => {
  const left = defined(fields);
  return Object.keys(left).length === 0 ? undefined : left;
};
