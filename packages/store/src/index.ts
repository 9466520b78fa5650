export { StoreError, type StoreErrorCode } from './errors.ts';
export type { Change, Entry, Store } from './store.ts';
export { createStore, type StoreOptions } from './sqlite-store.ts';
