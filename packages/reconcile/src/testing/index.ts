export { FakeClock } from './fake-clock.ts';
export {
  MemoryWorld,
  type Fault,
  type MemoryProcess,
  type MemoryWorldOptions,
  type PortCall,
} from './memory-runtime.ts';
export { runtimeContract, type ContractCase, type ContractWorld } from './runtime-contract.ts';
