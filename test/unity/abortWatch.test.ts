import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { unwatchAbort, watchAbort } from '../../src/unity/abortWatch.js';

describe('watchAbort', () => {
  it('given many watchers of one signal, then one listener, each told once, those that left not', () => {
    const stop = new AbortController();
    let told = 0;
    const watchers = Array.from({ length: 100 }, () => ({ onAbort: () => (told += 1) }));
    for (const watcher of watchers) watchAbort(stop.signal, watcher);
    for (const watcher of watchers.slice(0, 40)) unwatchAbort(stop.signal, watcher);
    expect(getEventListeners(stop.signal, 'abort')).toHaveLength(1);
    stop.abort();
    expect(told).toBe(60);
  });

  it('given that the last watcher has left, then no listener is left; another may come later', () => {
    const stop = new AbortController();
    let told = 0;
    const watcher = { onAbort: () => (told += 1) };
    watchAbort(stop.signal, watcher);
    unwatchAbort(stop.signal, watcher);
    unwatchAbort(stop.signal, watcher);
    expect(getEventListeners(stop.signal, 'abort')).toHaveLength(0);
    watchAbort(stop.signal, watcher);
    stop.abort();
    expect(told).toBe(1);
  });
});
