import { join } from 'node:path';
import { run, type IsolatedEngine } from '@orca/tooling-testbed';

const script = join(import.meta.dirname, 'page-main.ts');

/** Whether orca's proxy answers with 200 for that domain, asked from inside the engine's network. */
export const serves = async (engine: IsolatedEngine, proxyPort: number, host: string): Promise<boolean> => {
  const [program, ...args] = engine.command([process.execPath, script, `http://127.0.0.1:${proxyPort}/`, host]);
  return (await run(program, args)).code === 0;
};
