export { MemoryWorld, type Fault, type MemoryWorldOptions } from './memory-runtime.ts';
