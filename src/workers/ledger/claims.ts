import type { Command } from '../../commands/envelope.js';
import type { Progress } from '../lanes/task.js';
import type { Claim } from './admission.js';

interface Held extends Claim {
  readonly type: string;
  readonly editor: string;
  readonly sessionId: string;
  /** Not in memory. */
  parked: boolean;
  /** In the parking, fetched or not: its message may be acknowledged. */
  stored: boolean;
  /** How far a parked one had come; undefined when it had not been touched. */
  progress: Progress | undefined;
}

/**
 * Commands this worker has taken and not started, by command id: in memory or parked. Their claim is not in the log yet, so a second
 * publish of the same key meets it here. At most as many as the backlog may hold.
 */
export class Claims {
  readonly #claims = new Map<string, Held>();
  readonly #parkedByEditor = new Map<string, number>();

  get size(): number {
    return this.#claims.size;
  }

  /** How many are not in memory, by editor. */
  parkedByEditor(): ReadonlyMap<string, number> {
    return this.#parkedByEditor;
  }

  find(commandId: string): Readonly<Held> | undefined {
    return this.#claims.get(commandId);
  }

  hold({ commandId, type, editor, sessionId, payloadSha, position }: Command, stored: boolean): void {
    const { seq, index } = position;
    this.#count(this.#claims.get(commandId), false);
    this.#claims.set(commandId, {
      type,
      editor,
      sessionId,
      payloadSha,
      seq,
      index,
      parked: false,
      stored,
      progress: undefined,
    });
  }

  parked(commandId: string, progress: Progress | undefined): void {
    const claim = this.#claims.get(commandId);
    if (!claim) return;
    this.#count(claim, true);
    claim.parked = true;
    claim.stored = true;
    claim.progress = progress;
  }

  release(commandId: string): void {
    this.#count(this.#claims.get(commandId), false);
    this.#claims.delete(commandId);
  }

  /** Lets go of all whose editor is another worker's now. */
  forget(isOf: (editor: string) => boolean): void {
    for (const [commandId, { editor }] of this.#claims) if (isOf(editor)) this.release(commandId);
  }

  #count(claim: Held | undefined, parked: boolean): void {
    if (!claim || claim.parked === parked) return;
    const count = (this.#parkedByEditor.get(claim.editor) ?? 0) + (parked ? 1 : -1);
    if (count > 0) this.#parkedByEditor.set(claim.editor, count);
    else this.#parkedByEditor.delete(claim.editor);
  }
}
