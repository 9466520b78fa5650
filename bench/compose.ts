import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mustRun } from '@orca/tooling-testbed';

/** The same services as a Compose file. */
export const writeCompose = (dir: string, image: string, command: readonly string[], count: number): void => {
  const services = Array.from(
    { length: count },
    (_, i) =>
      `  s${i + 1}:\n    image: ${image}\n    command: ${JSON.stringify(command)}\n    restart: always\n    logging: {driver: json-file, options: {max-size: 10m, max-file: "3"}}\n`,
  );
  writeFileSync(join(dir, 'docker-compose.yml'), `version: "3"\nservices:\n${services.join('')}`);
};

const compose = async (dir: string, ...args: readonly string[]): Promise<number> => {
  const begun = performance.now();
  await mustRun('docker-compose', ['-p', 'orca-bench-compose', ...args], { cwd: dir });
  return performance.now() - begun;
};

export const composeUp = (dir: string): Promise<number> => compose(dir, 'up', '-d');
export const composeDown = (dir: string): Promise<number> => compose(dir, 'down', '-t', '0');
