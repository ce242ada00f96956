import type { FenceToken } from '../events/event.js';
import type { FenceBound } from '../unity/fenceStore.js';

/**
 * The tokens of one process's calls through a gate that may be restarted meanwhile. Two things are known here that the worker need not
 * know: how far above its own counter it must go because a killed gate had reserved more, and which calls may still be on their way.
 */
export class CallTokens {
  readonly #lifts = new Map<string, { readonly epoch: number; readonly calls: number }>();
  readonly #unsettled = new Map<string, Map<string, FenceToken>>();

  /** The token as it goes to the gate. Order is kept: a later call of the worker stays above an earlier one. */
  lifted(editor: string, token: FenceToken): FenceToken {
    const lift = this.#lifts.get(keyOf(editor, token));
    return lift?.epoch === token.epoch ? { ...token, call: token.call + lift.calls } : token;
  }

  /** From now on every token of its epoch goes above `bound`, beginning with `token` (as the worker gave it). */
  lift(editor: string, token: FenceToken, bound: FenceBound): void {
    const key = keyOf(editor, token);
    const known = this.#lifts.get(key);
    const calls = bound.call + 1 - token.call;
    if (known?.epoch === token.epoch && known.calls >= calls) return;
    this.#lifts.set(key, { epoch: token.epoch, calls });
  }

  /** How the call with this token (lifted) ended is not known: it may be running, or not have arrived yet. */
  lost(editor: string, token: FenceToken): void {
    const ofEditor = this.#unsettled.get(editor) ?? new Map<string, FenceToken>();
    this.#unsettled.set(editor, ofEditor.set(partitionOf(token), token));
  }

  /** The gate has let this token through, or refused it for a higher one: what was sent before has ended, and cannot begin any more. */
  answered(editor: string, token: FenceToken): void {
    this.#unsettled.get(editor)?.delete(partitionOf(token));
  }

  /** Those that a look at the editor must wait for. */
  unsettled(editor: string): readonly FenceToken[] {
    return [...(this.#unsettled.get(editor)?.values() ?? [])];
  }

  /** The gate has settled these; what was lost since stays. */
  settled(editor: string, tokens: readonly FenceToken[]): void {
    const ofEditor = this.#unsettled.get(editor);
    for (const token of tokens)
      if (ofEditor?.get(partitionOf(token)) === token) ofEditor.delete(partitionOf(token));
  }
}

const partitionOf = ({ partition }: FenceToken): string => String(partition ?? '');
const keyOf = (editor: string, token: FenceToken): string => `${editor}/${partitionOf(token)}`;
