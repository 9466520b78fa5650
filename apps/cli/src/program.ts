import { runCli } from './cli.ts';
import { version } from './version.ts';

const interrupt = new AbortController();
// A second Ctrl-C ends the process at once: the first may be waiting for a server that stalls.
process.once('SIGINT', () => interrupt.abort(new Error('interrupted')));
// A reader that has seen enough (`| head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

const run = runCli(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  stdin: process.stdin,
  env: process.env,
  cwd: process.cwd(),
  version,
  signal: interrupt.signal,
});
void run.then((code) => {
  process.exitCode = code;
});
