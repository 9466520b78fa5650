// Runs by itself, in the network of an engine: asks URL (argument 1) with Host (argument 2) 50 times a second until
// its standard input ends, and then prints: requests, failures, and milliseconds of the longest outage.
import { request } from 'node:http';

const everyMs = 20;
const timeoutMs = 2_000;
const [url = '', host = ''] = process.argv.slice(2);

let requests = 0;
let failures = 0;
let longestOutageMs = 0;
let downSince: number | undefined;

const succeeded = (begun: number): void => {
  // An answer to a request from before the outage does not end it.
  if (downSince === undefined || begun < downSince) return;
  longestOutageMs = Math.max(longestOutageMs, performance.now() - downSince);
  downSince = undefined;
};

const ask = (): void => {
  const begun = performance.now();
  requests += 1;
  let isOver = false;
  const failed = (): void => {
    if (isOver) return;
    isOver = true;
    failures += 1;
    downSince ??= begun;
  };
  const req = request(url, { headers: { host }, agent: false, timeout: timeoutMs }, (res) => {
    res.resume();
    res.on('error', failed);
    res.on('end', () => {
      if (res.statusCode !== 200) return failed();
      isOver = true;
      succeeded(begun);
    });
  });
  req.on('timeout', () => req.destroy());
  req.on('error', failed);
  req.end();
};

const timer = setInterval(ask, everyMs);
process.stdin.resume();
process.stdin.on('end', () => {
  clearInterval(timer);
  // Still down at the end counts up to the end.
  if (downSince !== undefined) longestOutageMs = Math.max(longestOutageMs, performance.now() - downSince);
  console.log(`${requests} ${failures} ${Math.round(longestOutageMs)}`);
  process.exit();
});
