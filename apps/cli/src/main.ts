import { enableCompileCache } from 'node:module';
import { isTooOld, oldestNode } from './oldest-node.ts';

if (isTooOld(process.versions.node)) {
  // npm only warns about it, and what comes next would fail in words that help nobody.
  console.error(
    `error: orca needs Node ${oldestNode} or newer; this is ${process.versions.node} (${process.execPath})`,
  );
  process.exitCode = 1;
} else {
  // Compiled code is kept between runs: a command starts 10 ms sooner. It must be on before the
  // program is loaded, so that is a file of its own.
  enableCompileCache();
  void import('./program.ts');
}
