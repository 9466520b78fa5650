import { setFlagsFromString } from 'node:v8';
import { channelLine } from './line.ts';
import { workerFlags } from './worker-memory.ts';
import { Worker } from './worker.ts';

// A terminal's Ctrl-C goes to all of its processes: when a worker ends is for its supervisor to say.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);
process.title = 'orca-proxy worker';
for (const flag of workerFlags) setFlagsFromString(flag);
const worker = new Worker(channelLine(process), (code) => process.exit(code));
void worker;
