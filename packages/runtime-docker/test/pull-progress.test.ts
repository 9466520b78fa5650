import { describe, expect, it } from '@jest/globals';
import { PullProgress } from '../src/pull-progress.ts';

const mib = 1024 * 1024;

describe('27: the progress deadline of a pull', () => {
  const begin = (): { readonly pull: PullProgress; readonly pass: (ms: number) => void } => {
    let now = 0;
    const pull = new PullProgress({ deadlineMs: 600, now: () => now });
    return { pull, pass: (ms) => void (now += ms) };
  };
  const downloading = (current: number): object => ({ id: 'a', status: 'Downloading', progressDetail: { current } });

  it('is not put off by bytes that trickle', () => {
    const { pull, pass } = begin();
    for (let i = 1; i <= 59; i += 1) {
      pass(10);
      pull.hear(downloading(i));
      expect(pull.leftMs()).toBe(600 - i * 10);
    }
    pass(10);
    expect(pull.leftMs()).toBe(0);
  });

  it('is put off by every MiB, for as long as it takes', () => {
    const { pull, pass } = begin();
    for (let i = 1; i <= 100; i += 1) {
      pass(500);
      expect(pull.leftMs()).toBe(100);
      pull.hear(downloading(i * mib));
      expect(pull.leftMs()).toBe(600);
    }
  });

  it('is put off by extracting, and by a layer that is done, once', () => {
    const { pull, pass } = begin();
    pass(500);
    pull.hear({ id: 'a', status: 'Extracting', progressDetail: { current: mib } });
    expect(pull.leftMs()).toBe(600);
    pass(500);
    pull.hear({ id: 'a', status: 'Pull complete' });
    expect(pull.leftMs()).toBe(600);
    pass(500);
    pull.hear({ id: 'a', status: 'Pull complete' });
    expect(pull.leftMs()).toBe(100);
  });

  it('is put off by a layer that is extracted by an engine that tells seconds and not bytes of it, for an hour', () => {
    const { pull, pass } = begin();
    const extracting = (current: number): void =>
      pull.hear({ id: 'a', status: 'Extracting', progressDetail: { current, units: 's' } });
    for (const seconds of [1, 2, 3, 1200, 3600]) {
      pass(500);
      extracting(seconds);
      expect(pull.leftMs()).toBe(600);
    }
    pass(500);
    extracting(3601);
    expect(pull.leftMs()).toBe(100);
  });

  it('is not put off by a layer that begins anew again and again', () => {
    const { pull, pass } = begin();
    pull.hear(downloading(5 * mib));
    pass(300);
    for (let round = 0; round < 9; round += 1) {
      pull.hear({ id: 'a', status: 'Retrying in 5 seconds' });
      for (let i = 1; i <= 5; i += 1) pull.hear(downloading(i * mib));
    }
    expect(pull.leftMs()).toBe(300);
  });
});
