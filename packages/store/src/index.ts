export { StoreError, type StoreErrorCode } from './errors.ts';
export type { Entry, Store } from './store.ts';
export { createStore, type StoreOptions } from './sqlite-store.ts';
