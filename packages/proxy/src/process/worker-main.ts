import { channelLine } from './line.ts';
import { runWorker } from './worker.ts';

// A terminal's Ctrl-C goes to all of its processes: when a worker ends is for its supervisor to say.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);
process.title = 'orca-proxy worker';
runWorker(channelLine(process), (code) => process.exit(code));
