export { runServer } from '@orca/server';
