import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Clock } from '../../src/core/clock.js';
import type { View } from '../../src/workers/editor.js';
import { type Picture, PreviewCache, type PreviewRequest } from '../../src/workers/execute/previewCache.js';

const view: View = { width: 64, height: 32, format: 'png', mode: 'fast' };
const pictureOf = (name: string): Picture => ({
  ...{ frameSha256: name, mime: 'image/png', bytes: 1, widthPx: 64, heightPx: 32 },
});

/** A clock that stands, an editor with a revision, and renders that show what is there when they are told to end. */
function world(limits?: { maxEntries: number; ttlMs: number }) {
  const state = { nowMs: 1_000, revision: '0' as string | null, renders: 0, told: [] as string[] };
  const clock: Clock = {
    nowMs: () => state.nowMs,
    monotonicMs: () => state.nowMs,
    sleep: () => Promise.resolve(),
  };
  const cache = new PreviewCache(clock, (source) => state.told.push(source), limits);
  const request = (change: Partial<PreviewRequest> & { view?: View } = {}): PreviewRequest => ({
    editor: 'default',
    view,
    acceptedAtMs: state.nowMs,
    revision: async () => state.revision,
    ...change,
  });
  const render = async () => {
    state.renders++;
    return { value: `render ${state.renders}`, picture: pictureOf(`picture ${state.renders}`) };
  };
  const ask = (change: Parameters<typeof request>[0] = {}) => cache.get(request(change), render);
  return { cache, state, ask, request };
}

/** A render that ends when it is told to. */
function pending() {
  let end: (picture: Picture | undefined) => void = () => undefined;
  const done = new Promise<Picture | undefined>((resolve) => {
    end = resolve;
  });
  return { end, render: async () => ({ value: 'slow', picture: await done }) };
}

describe('PreviewCache', () => {
  it('given the same view at the same revision, then the second is a hit', async () => {
    const { ask, state } = world();
    expect(await ask()).toEqual({ source: 'miss', rendered: 'render 1' });
    state.nowMs += 1;
    expect(await ask()).toEqual({ source: 'hit', picture: pictureOf('picture 1') });
    expect(state).toMatchObject({ renders: 1, told: ['miss', 'hit'] });
  });

  it('given a mutation in between, then a miss', async () => {
    const { ask, state } = world();
    await ask();
    state.revision = '1';
    expect((await ask()).source).toBe('miss');
    expect(state.renders).toBe(2);
  });

  it.each<[string, Partial<View>]>([
    ['scene', { scenePath: 'Assets/Other.unity' }],
    ['object', { gameObject: 'Player' }],
    ['width', { width: 65 }],
    ['height', { height: 33 }],
    ['format', { format: 'jpg' }],
    ['mode', { mode: 'quality' }],
  ])('given another %s, then a miss', async (_name, change) => {
    const { ask, state } = world();
    await ask();
    await ask({ view: { ...view, ...change } });
    await ask({ editor: 'other' });
    expect(state.renders).toBe(3);
  });

  it('given five minutes, then a miss; and no more than its entries are kept, the least used go first', async () => {
    const { ask, state } = world();
    await ask();
    state.nowMs += 299_999;
    expect((await ask()).source).toBe('hit');
    state.nowMs += 1;
    expect((await ask()).source).toBe('miss');
    const small = world({ maxEntries: 2, ttlMs: 1_000 });
    for (const width of [1, 2, 1, 3]) await small.ask({ view: { ...view, width } });
    expect(small.cache.size).toBe(2);
    expect((await small.ask({ view: { ...view, width: 1 } })).source).not.toBe('miss');
    expect((await small.ask({ view: { ...view, width: 2 } })).source).toBe('miss');
  });

  it('given nobody who can name the revision, then nothing is remembered and nothing is found', async () => {
    const { ask, state, cache } = world();
    state.revision = null;
    await ask();
    state.revision = '0';
    expect((await ask()).source).toBe('miss');
    state.revision = null;
    expect((await ask()).source).toBe('miss');
    expect(cache.size).toBe(1);
  });

  it('given a mutation while it renders, then the picture is the answer and is not remembered', async () => {
    const { cache, state, request, ask } = world();
    const slow = pending();
    const first = cache.get(request(), slow.render);
    state.revision = '1';
    slow.end(pictureOf('in between'));
    expect(await first).toEqual({ source: 'miss', rendered: 'slow' });
    state.revision = '0';
    expect((await ask()).source).toBe('miss');
  });

  it('given equal requests while one renders, then all are answered by that one render', async () => {
    const { cache, state, request, ask } = world();
    const slow = pending();
    const first = cache.get(request(), slow.render);
    const others = [ask(), ask({ acceptedAtMs: 0 }), ask()];
    slow.end(pictureOf('shared'));
    expect((await first).source).toBe('miss');
    for (const other of await Promise.all(others))
      expect(other).toEqual({ source: 'shared', picture: pictureOf('shared') });
    expect(state.renders).toBe(0);
    // Asked before the picture was there, and answered after: it has waited together with the first.
    expect((await ask({ acceptedAtMs: 900 })).source).toBe('shared');
  });

  it('given a render that fails or throws, then those who wait for it render themselves', async () => {
    const { cache, state, request, ask } = world();
    const fails = pending();
    const first = cache.get(request(), fails.render);
    const second = ask();
    fails.end(undefined);
    await first;
    expect(await second).toMatchObject({ source: 'miss', rendered: 'render 1' });
    const broken = cache.get(request({ editor: 'b' }), () => Promise.reject(new Error('aborted')));
    const waits = ask({ editor: 'b' });
    await expect(broken).rejects.toThrow('aborted');
    expect((await waits).source).toBe('miss');
    expect(state.renders).toBe(2);
  });

  it('given a mutation while somebody waits for another one’s render, then he gets a render of his own', async () => {
    const { cache, state, request, ask } = world();
    const slow = pending();
    const first = cache.get(request(), slow.render);
    const second = ask();
    await Promise.resolve();
    state.revision = '1';
    slow.end(pictureOf('old'));
    await first;
    expect(await second).toEqual({ source: 'miss', rendered: 'render 1' });
  });

  it('given any interleaving of mutations, renders and requests, then what is found shows the editor as it is', async () => {
    const step = fc.constantFrom('begin change', 'end change', 'ask', 'end render');
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        // What the editor shows; a change takes place somewhere between its two bumps of the revision.
        const { cache, state, request } = world();
        let shown = 0;
        let bumps = 0;
        let changing = 0;
        const bump = () => {
          state.revision = String(++bumps);
        };
        const ends: (() => void)[] = [];
        const asked: Promise<void>[] = [];
        for (const what of steps) {
          if (what === 'begin change') {
            bump();
            changing++;
          }
          if (what === 'end change' && changing > 0) {
            changing--;
            shown++;
            bump();
          }
          if (what === 'end render') ends.shift()?.();
          if (what === 'ask') {
            const before = shown;
            const get = cache.get(request(), async () => {
              const taken = shown;
              await new Promise<void>((resolve) => ends.push(resolve));
              return { value: taken, picture: pictureOf(String(taken)) };
            });
            const check = async () => {
              const preview = await get;
              const seen = preview.source === 'miss' ? preview.rendered : Number(preview.picture.frameSha256);
              expect(seen).toBeGreaterThanOrEqual(before);
            };
            asked.push(check());
          }
          for (let turn = 0; turn < 8; turn++) await Promise.resolve();
        }
        for (let turn = 0; turn < 200; turn++) {
          ends.shift()?.();
          await Promise.resolve();
        }
        await Promise.all(asked);
      }),
      { numRuns: 300 },
    );
  });
});
