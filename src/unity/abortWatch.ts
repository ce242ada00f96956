/** Told once when the signal it watches aborts. */
export interface AbortWatcher {
  onAbort(): void;
}

/**
 * One listener per signal, however many calls watch it. Thousands of calls share the worker's own signal, and an `EventTarget`
 * walks its whole list of listeners at every add and remove: with 64 of them that cost a quarter of a call, here it is a Set.
 */
const watched = new WeakMap<AbortSignal, Set<AbortWatcher>>();

/** Does not tell of an abort that has been: look at `signal.aborted` before. */
export function watchAbort(signal: AbortSignal, watcher: AbortWatcher): void {
  const known = watched.get(signal);
  if (known) {
    if (known.size === 0) signal.addEventListener('abort', tellAll);
    known.add(watcher);
    return;
  }
  watched.set(signal, new Set([watcher]));
  signal.addEventListener('abort', tellAll);
}

/** The last one takes the listener away: a listener would keep a signal made by `AbortSignal.any` alive. */
export function unwatchAbort(signal: AbortSignal, watcher: AbortWatcher): void {
  const known = watched.get(signal);
  if (known?.delete(watcher) && known.size === 0) signal.removeEventListener('abort', tellAll);
}

function tellAll(this: AbortSignal): void {
  const watchers = watched.get(this);
  if (!watchers) return;
  watched.delete(this);
  for (const watcher of watchers) watcher.onAbort();
}
