import { SparkError } from '../core/errors.js';
import type { FenceToken } from '../events/event.js';
import { STALE_TOKEN } from '../workers/editor.js';
import type { FenceStore } from './fenceStore.js';

/** A newer owner has called this editor: the caller must drop everything it holds. */
export class StaleTokenError extends SparkError {
  override readonly code = STALE_TOKEN;
}

/**
 * The highest token seen per editor. `admit` is the fence of reliability.md: it lets a call through only when its token is
 * above every earlier one.
 *
 * What is stored, and why that is enough: the store is written when a token of a new epoch arrives, before its call is let
 * through, and when the gate stops; calls within an epoch only move the number in memory. An epoch has one owner, and its
 * calls reach the editor through this object alone. While this process lives, memory fences call by call. When it dies, the
 * calls of that epoch die with it (the owner is in the same process), so none can arrive late; what can arrive is a call of an
 * older epoch, and the stored epoch refuses that. A gate that runs in a process of its own outlives neither its memory nor its
 * clients' sockets in that way: it must treat a loaded epoch as spent (`call: Number.MAX_SAFE_INTEGER`).
 */
export class Fence {
  private readonly store: FenceStore;
  private readonly seen = new Map<string, FenceToken>();

  constructor(store: FenceStore) {
    this.store = store;
  }

  /** Throws `StaleTokenError` unless `token` is above the highest seen. Called with the editor's lane held. */
  async admit(editor: string, token: FenceToken): Promise<void> {
    // The stored one too: a worker in another process may have taken over.
    const highest = higher(this.seen.get(editor) ?? null, await this.store.load(editor));
    if (highest !== null && !isAbove(token, highest)) {
      this.seen.set(editor, highest);
      throw new StaleTokenError(
        `token (${token.epoch}, ${token.call}) of editor "${editor}" is not above (${highest.epoch}, ${highest.call})`,
        { fields: { editor, token, highest } },
      );
    }
    if (highest === null || token.epoch > highest.epoch) await this.store.save(editor, token);
    this.seen.set(editor, token);
  }

  /** Stores what is in memory. */
  async flush(): Promise<void> {
    for (const [editor, token] of this.seen) {
      const stored = await this.store.load(editor);
      if (stored === null || isAbove(token, stored)) await this.store.save(editor, token);
    }
  }
}

function higher(one: FenceToken | null, other: FenceToken | null): FenceToken | null {
  if (one === null || other === null) return one ?? other;
  return isAbove(other, one) ? other : one;
}

function isAbove(token: FenceToken, other: FenceToken): boolean {
  return token.epoch > other.epoch || (token.epoch === other.epoch && token.call > other.call);
}
