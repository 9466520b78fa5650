export { StoreError, type StoreErrorCode } from './errors.ts';
export { createStore, type StoreOptions } from './sqlite-store.ts';
export type { Entry, Store } from './store.ts';
