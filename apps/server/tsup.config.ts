import { library } from '@orca/tooling-tsup';

export default library(['src/index.ts']);
