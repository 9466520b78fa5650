import { library } from '@orca/tooling-tsup';

export default library({
  index: 'src/index.ts',
  process: 'src/process/index.ts',
  // Started by their paths, and so found beside the rest.
  'proxy-supervisor': 'src/process/supervisor-main.ts',
  'proxy-worker': 'src/process/worker-main.ts',
});
