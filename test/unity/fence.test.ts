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

  it('given tokens of two partitions, then each is compared with its own', async () => {
    const fence = new Fence(memoryFenceStore());
    await fence.admit('a', { epoch: 9, call: 5 });
    await fence.admit('a', { epoch: 4, call: 1, partition: 3 });
    await expect(fence.admit('a', { epoch: 4, call: 1, partition: 3 })).rejects.toMatchObject({
      code: 'stale_fence_token',
      spent: false,
      bound: { epoch: 4, call: 1 },
    });
    await expect(fence.admit('a', { epoch: 4, call: 2 })).rejects.toMatchObject({ spent: false });
    await fence.admit('a', { epoch: 4, call: 2, partition: 3 });
    await fence.admit('a', { epoch: 1, call: 1, partition: 0 });
    await fence.admit('a', { epoch: 9, call: 6 });
  });

  it('given a token that is spent before it comes, then it is refused when it comes, and a higher one is not', async () => {
    const fence = new Fence(memoryFenceStore());
    await fence.spend('a', { epoch: 2, call: 5 });
    await fence.spend('a', { epoch: 2, call: 3 });
    await expect(fence.admit('a', { epoch: 2, call: 5 })).rejects.toMatchObject({ spent: false });
    await fence.admit('a', { epoch: 2, call: 6 });
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
    await fence.admit('a', { epoch: 2, call: 1_025 });
    expect(saves).toBe(2);
    await fence.admit('a', { epoch: 2, call: 1_026 });
    expect(saves).toBe(3);
  });

  it('given a new block of calls that cannot be stored, then the call is not let through, and later nothing of it is', async () => {
    const store = memoryFenceStore();
    let full = false;
    const save: FenceStore['save'] = (...args) =>
      full ? Promise.reject(new Error('disk full')) : store.save(...args);
    const fence = new Fence({ ...store, save });
    await fence.admit('a', { epoch: 1, call: 1 });
    full = true;
    await fence.admit('a', { epoch: 1, call: 2 });
    await expect(fence.admit('a', { epoch: 1, call: 5_000 })).rejects.toThrow('disk full');
    await fence.admit('a', { epoch: 1, call: 3 });
  });

  it('given a store that cannot be written, then the call is not let through', async () => {
    const fence = new Fence({ ...memoryFenceStore(), save: () => Promise.reject(new Error('disk full')) });
    await expect(fence.admit('a', { epoch: 1, call: 1 })).rejects.toThrow('disk full');
    await expect(fence.admit('a', { epoch: 1, call: 1 })).rejects.toThrow('disk full');
  });
});

describe('a fence whose process was killed', () => {
  it('given any call it had let through, then the next one refuses it; the same owner is told that it is only spent', async () => {
    const killed = new Fence(fileFenceStore(folder));
    for (const call of [3, 700, 1_500, 1_501]) await killed.admit('a', { epoch: 7, call });
    await killed.admit('a', { epoch: 2, call: 9, partition: 1 });
    const next = new Fence(fileFenceStore(folder));
    for (const call of [1, 3, 700, 1_500, 1_501])
      await expect(next.admit('a', { epoch: 7, call })).rejects.toMatchObject({
        code: 'stale_fence_token',
        spent: true,
        bound: { epoch: 7, call: 1_500 + 1_024 },
      });
    await expect(next.admit('a', { epoch: 2, call: 9, partition: 1 })).rejects.toMatchObject({ spent: true });
    await expect(next.admit('a', { epoch: 6, call: 9_999 })).rejects.toMatchObject({ spent: false });
    await next.admit('a', { epoch: 7, call: 2_525 });
    await expect(next.admit('a', { epoch: 7, call: 1_502 })).rejects.toMatchObject({ spent: false });
    await next.admit('a', { epoch: 8, call: 1 });
    expect(readdirSync(folder).toSorted()).toEqual(['a.fence.json', 'a.p1.fence.json']);
  });

  it('given a stop in good order, then the same owner goes on where it was', async () => {
    const first = new Fence(fileFenceStore(folder));
    await first.admit('a', { epoch: 7, call: 4 });
    await first.flush();
    const next = new Fence(fileFenceStore(folder));
    await expect(next.admit('a', { epoch: 7, call: 4 })).rejects.toMatchObject({ spent: true });
    await next.admit('a', { epoch: 7, call: 5 });
  });

  it('given another process beside it that has taken over, then its flush does not take that back', async () => {
    const zombie = new Fence(fileFenceStore(folder));
    await zombie.admit('a', { epoch: 7, call: 4 });
    const owner = new Fence(fileFenceStore(folder));
    await owner.admit('a', { epoch: 8, call: 1 });
    await expect(zombie.admit('a', { epoch: 7, call: 5 })).rejects.toMatchObject({ spent: false });
    await zombie.flush();
    await expect(new Fence(fileFenceStore(folder)).admit('a', { epoch: 7, call: 6 })).rejects.toMatchObject({
      code: 'stale_fence_token',
    });
  });

  it('given the file of an earlier build, then its token is refused and a higher one is not', async () => {
    writeFileSync(join(folder, 'a.fence.json'), '{"epoch":7,"call":3}');
    const fence = new Fence(fileFenceStore(folder));
    await expect(fence.admit('a', { epoch: 7, call: 3 })).rejects.toMatchObject({
      code: 'stale_fence_token',
    });
    await expect(fence.admit('a', { epoch: 6, call: 9, partition: 2 })).rejects.toMatchObject({
      spent: false,
    });
    await fence.admit('a', { epoch: 8, call: 1, partition: 2 });
    await fence.admit('a', { epoch: 7, call: 4 });
    // From then on each partition has a bound of its own.
    await fence.admit('a', { epoch: 1, call: 1, partition: 3 });
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
    await expect(fileFenceStore(folder).load('../x', undefined)).rejects.toMatchObject({
      code: 'fence_store_broken',
    });
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
