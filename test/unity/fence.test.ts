import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EditorLane } from '../../src/unity/editorLane.js';
import { Fence } from '../../src/unity/fence.js';
import { type FenceStore, fileFenceStore, memoryFenceStore } from '../../src/unity/fenceStore.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spark-fence-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('Fence', () => {
  it.each([
    { epoch: 2, call: 5 },
    { epoch: 2, call: 4 },
    { epoch: 1, call: 99 },
  ])('given (2, 5) seen, then $epoch, $call is stale', async (token) => {
    const fence = new Fence(memoryFenceStore());
    await fence.admit('a', { epoch: 2, call: 5 });
    await expect(fence.admit('a', token)).rejects.toMatchObject({ code: 'stale_fence_token' });
    await fence.admit('b', token);
    await fence.admit('a', { epoch: 2, call: 6 });
    await fence.admit('a', { epoch: 3, call: 0 });
  });

  it('given many calls of one epoch, then the store is written once', async () => {
    let saves = 0;
    const counting = async (): Promise<void> => {
      saves += 1;
    };
    const store: FenceStore = { ...memoryFenceStore(), save: counting };
    const fence = new Fence(store);
    for (let call = 1; call <= 100; call += 1) await fence.admit('a', { epoch: 1, call });
    expect(saves).toBe(1);
    await fence.admit('a', { epoch: 2, call: 1 });
    expect(saves).toBe(2);
  });

  it('given a store that cannot be written, then the call is not let through', async () => {
    const fence = new Fence({ ...memoryFenceStore(), save: () => Promise.reject(new Error('disk full')) });
    await expect(fence.admit('a', { epoch: 1, call: 1 })).rejects.toThrow('disk full');
    await expect(fence.admit('a', { epoch: 1, call: 1 })).rejects.toThrow('disk full');
  });
});

describe('fileFenceStore', () => {
  it('given a restart, then older epochs stay out, after a flush older calls too, and no draft is left', async () => {
    const first = new Fence(fileFenceStore(folder));
    await first.admit('a', { epoch: 7, call: 1 });
    await first.admit('a', { epoch: 7, call: 9 });
    const crashed = new Fence(fileFenceStore(folder));
    await expect(crashed.admit('a', { epoch: 6, call: 99 })).rejects.toMatchObject({
      code: 'stale_fence_token',
    });
    await first.flush();
    const second = new Fence(fileFenceStore(folder));
    await expect(second.admit('a', { epoch: 7, call: 9 })).rejects.toMatchObject({
      code: 'stale_fence_token',
    });
    await second.admit('a', { epoch: 8, call: 1 });
    expect(readdirSync(folder)).toEqual(['a.fence.json']);
  });

  it('given a file that holds no token, then nothing is let through', async () => {
    for (const text of ['', '{}', '{"epoch":1}', 'x']) {
      writeFileSync(join(folder, 'a.fence.json'), text);
      await expect(new Fence(fileFenceStore(folder)).admit('a', { epoch: 9, call: 1 })).rejects.toMatchObject(
        {
          code: 'fence_store_broken',
        },
      );
    }
    await expect(fileFenceStore(folder).load('../x')).rejects.toMatchObject({ code: 'fence_store_broken' });
  });
});

describe('EditorLane', () => {
  it('given many at once, one failing and one aborted, then one after the other in order', async () => {
    const lane = new EditorLane();
    const never = new AbortController().signal;
    const stop = new AbortController();
    const order: number[] = [];
    let inside = 0;
    const act = (n: number) => async () => {
      inside += 1;
      expect(inside).toBe(1);
      await Promise.resolve();
      order.push(n);
      inside -= 1;
      if (n === 2) throw new Error('two');
      return n;
    };
    const all = [1, 2, 3, 4].map((n) => lane.run(n === 3 ? stop.signal : never, act(n)));
    stop.abort(new Error('gone'));
    const settled = await Promise.allSettled(all);
    expect(settled.map((one) => one.status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
    expect(order).toEqual([1, 2, 4]);
    await lane.run(never, act(5));
  });
});
