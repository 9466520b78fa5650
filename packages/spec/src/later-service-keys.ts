import { anyFlag, anyNumber, anyText, anyTextTable, looseTable } from './loose.ts';
import { list } from './read.ts';
import type { LaterKey } from './table.ts';

const gpu = looseTable('[service.resources.gpu]', {
  count: anyNumber,
  vendor: anyText,
  vram_min: anyNumber,
  model: anyText,
});

const placement = looseTable('[service.placement]', { node: anyText, labels: anyTextTable, requires_gpu: anyFlag });

const build = looseTable('[service.build]', { repo: anyText, branch: anyText, dockerfile: anyText, context: anyText });

/** Keys of service.toml whose features are still to be built, with the words the warning uses. */
export const LATER_SERVICE_KEYS: {
  readonly service: Readonly<Record<string, LaterKey>>;
  readonly resources: Readonly<Record<string, LaterKey>>;
} = {
  service: {
    triggers: { feature: 'triggers', read: list(anyText) },
    assets: { feature: 'assets (static files)', read: anyText },
    module: { feature: 'module (WebAssembly)', read: anyText },
    build: { feature: '[service.build]; build and push the image elsewhere', read: build },
    placement: { feature: '[service.placement]; everything runs on this machine', read: placement },
  },
  resources: { gpu: { feature: '[service.resources.gpu]; use gpus', read: gpu } },
};
