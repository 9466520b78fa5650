import { channelLine } from './line.ts';
import { Worker } from './worker.ts';

// A terminal's Ctrl-C goes to all of its processes: when a worker ends is for its supervisor to say.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);
process.title = 'orca-proxy worker';
const worker = new Worker(channelLine(process), (code) => process.exit(code));
void worker;
