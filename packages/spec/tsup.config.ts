import { library } from '@orca/tooling-tsup';

export default library(['src/index.ts', 'src/files.ts', 'src/spec-worker.ts']);
