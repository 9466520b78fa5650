import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { registry, type Registry } from '@orca/tooling-testbed';
import { docker, run } from '../../e2e/orca.ts';
import { listAt, numberAt, textAt } from './json.ts';

/** A registry with images that scenarios spoil and move; what came of it in the engine goes with it. */
export interface ImageShelf extends AsyncDisposable {
  readonly registry: Registry;
  /** Puts an image there that the engine does not have, and gives its name. */
  push(name: string, options: { readonly version: string }): Promise<string>;
  /** Changes a byte of the largest layer of an image that was pushed. */
  corrupt(name: string): Promise<void>;
}

export const imageShelf = async (): Promise<ImageShelf> => {
  const shelf = await registry();
  // The same registry under another name: the engine's own idea of the tag under test stays as it is.
  const back = shelf.address.replace('127.0.0.1', 'localhost');
  return {
    registry: shelf,
    async push(name, { version }) {
      const dockerfile = `FROM orca-test/app:1\nENV VERSION=${version}\nRUN echo ${randomUUID()} > /unique\n`;
      const { code, stderr } = await run('docker', ['build', '-q', '-t', `${back}/${name}`, '-'], {
        input: dockerfile,
      });
      if (code !== 0) throw new Error(`docker build: ${stderr}`);
      await docker('push', '-q', `${back}/${name}`);
      await docker('rmi', `${back}/${name}`);
      return `${shelf.address}/${name}`;
    },
    async corrupt(name) {
      const file = shelf.blobFile(await lastLayerOf(shelf.address, name));
      const bytes = await readFile(file);
      const middle = Math.floor(bytes.length / 2);
      bytes.writeUInt8(bytes.readUInt8(middle) ^ 0xff, middle);
      await writeFile(file, bytes);
    },
    async [Symbol.asyncDispose]() {
      for (const host of [shelf.address, back]) {
        // By their ids: an image whose tag moved on has no name left.
        const ids = await docker('images', '-q', '--filter', `reference=${host}/*`);
        if (ids !== '') await run('docker', ['rmi', '-f', ...new Set(ids.split('\n'))]);
      }
      await shelf[Symbol.asyncDispose]();
    },
  };
};

/** The layer that only this image has: the engine keeps the ones below it, and asks for nothing that it has. */
const lastLayerOf = async (address: string, name: string): Promise<string> => {
  const [repository = '', tag = ''] = name.split(':');
  const accept = 'application/vnd.docker.distribution.manifest.v2+json';
  const answer = await fetch(`http://${address}/v2/${repository}/manifests/${tag}`, { headers: { accept } });
  const layer = listAt(await answer.json(), 'layers').at(-1);
  const digest = textAt(layer, 'digest');
  if (digest === undefined || numberAt(layer, 'size') === 0) throw new Error(`${name}: the registry names no layer`);
  return digest;
};
