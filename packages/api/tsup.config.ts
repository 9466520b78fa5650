import { library } from '@orca/tooling-tsup';

export default library(['src/index.ts', 'src/client.ts', 'src/server.ts']);
