import { SparkError } from '../core/errors.js';
import type { FenceToken } from '../events/event.js';
import { STALE_TOKEN } from '../workers/editor.js';
import type { FenceBound, FenceStore } from './fenceStore.js';

/** A newer owner has called this editor: the caller must drop everything it holds, unless the token is only `spent`. */
export class StaleTokenError extends SparkError {
  override readonly code = STALE_TOKEN;
  /**
   * True: the owner is the same, and only a reservation that an earlier gate process left is in the way: that process may have let the
   * token through, this one has not. A caller that has sent the token once, and waits for the answer to just that, may go on above `bound`.
   */
  readonly spent: boolean;
  /** What the token is not above: the highest seen, or with `spent` the highest that was reserved. */
  readonly bound: FenceBound;

  constructor(message: string, refusal: { readonly spent: boolean; readonly bound: FenceBound }) {
    super(message, { fields: { ...refusal } });
    this.spent = refusal.spent;
    this.bound = refusal.bound;
  }
}

/** Calls that one write to disk makes room for. */
const RESERVED_CALLS = 1_024;

interface Seen {
  /** The highest token let through by this process. */
  readonly highest: FenceBound;
  /** What this process has stored: every call of the epoch up to `call` is reserved. */
  readonly reserved: FenceBound;
}

/**
 * The highest token seen per editor and partition (reliability.md). `admit` lets a call through only when its token is above every
 * earlier one.
 *
 * A killed process must refuse, when it is back, every token that it may have let through. So a reservation is stored before: the epoch,
 * and a call number that the calls to come stay below. Memory compares call by call; the disk is written once an epoch and once a block
 * of calls. What is loaded counts as let through up to its bound.
 *
 * Called with the editor's lane held: nothing here defends against two at once for one editor.
 */
export class Fence {
  private readonly store: FenceStore;
  private readonly seen = new Map<string, Seen>();

  constructor(store: FenceStore) {
    this.store = store;
  }

  /** Throws `StaleTokenError` unless `token` is above the highest seen, `FenceStoreError` when that cannot be stored. */
  async admit(editor: string, token: FenceToken): Promise<void> {
    const key = keyOf(editor, token);
    const seen = this.seen.get(key);
    if (seen && !isAbove(token, seen.highest)) throw stale(editor, token, seen.highest, false);
    // The stored one too: an earlier process left it, or one beside this has taken over.
    const stored = await this.store.load(editor, token.partition);
    const foreign = stored !== null && !isSame(stored, seen?.reserved) ? stored : null;
    if (foreign && !isAbove(token, foreign))
      throw stale(editor, token, foreign, token.epoch === foreign.epoch);
    const { epoch, call } = token;
    let reserved = seen?.reserved;
    if (reserved?.epoch !== epoch || call > reserved.call) {
      reserved = { epoch, call: Math.min(call + RESERVED_CALLS, Number.MAX_SAFE_INTEGER) };
      await this.store.save(editor, token.partition, reserved);
    }
    this.seen.set(key, { highest: { epoch, call }, reserved });
  }

  /** From now on `token` is refused, whether it has come or not. One that is refused already changes nothing. */
  async spend(editor: string, token: FenceToken): Promise<void> {
    try {
      await this.admit(editor, token);
    } catch (error) {
      if (!(error instanceof StaleTokenError)) throw error;
    }
  }

  /** Gives back what is reserved and was not used: the same owner may go on where it was after a stop in good order. */
  async flush(): Promise<void> {
    for (const [key, { highest, reserved }] of this.seen) {
      const { editor, partition } = placeOf(key);
      const stored = await this.store.load(editor, partition);
      if (isSame(stored, reserved)) await this.store.save(editor, partition, highest);
    }
    this.seen.clear();
  }
}

/** Editor names hold no "/". */
const keyOf = (editor: string, { partition }: FenceToken): string => `${editor}/${partition ?? ''}`;

function placeOf(key: string): { readonly editor: string; readonly partition: number | undefined } {
  const [editor = '', partition = ''] = key.split('/');
  return { editor, partition: partition === '' ? undefined : Number(partition) };
}

function stale(editor: string, token: FenceToken, bound: FenceBound, spent: boolean): StaleTokenError {
  const above = `(${bound.epoch}, ${bound.call})`;
  return new StaleTokenError(
    `token (${token.epoch}, ${token.call}) of editor "${editor}" is not above ${above}${spent ? ', which an earlier gate process had reserved' : ''}`,
    { spent, bound },
  );
}

function isAbove(token: FenceBound, other: FenceBound): boolean {
  return token.epoch > other.epoch || (token.epoch === other.epoch && token.call > other.call);
}

function isSame(one: FenceBound | null, other: FenceBound | undefined): boolean {
  return one !== null && one.epoch === other?.epoch && one.call === other.call;
}
