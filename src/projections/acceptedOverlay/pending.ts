import type { AcceptedCommand } from '../ports.js';

/** A command this old that nobody has seen start is worth a row. */
export const HOLD_MS = 250;

interface Held {
  readonly command: AcceptedCommand;
  readonly sinceMs: number;
}

/**
 * Accepted commands waiting, in the order of their stream, to be seen as started; pure, time comes as an argument. A command
 * that starts soon leaves without a trace; one that does not becomes a row.
 */
export class PendingCommands {
  readonly #held = new Map<string, Held>();
  #lastSeq: number;

  /** `afterSeq`: where reading begins. */
  constructor(afterSeq: number) {
    this.#lastSeq = afterSeq;
  }

  get size(): number {
    return this.#held.size;
  }

  add(command: AcceptedCommand, nowMs: number): void {
    this.#lastSeq = Math.max(this.#lastSeq, command.position.seq);
    // A repeat of a key names a command that is held already.
    if (!this.#held.has(command.commandId)) this.#held.set(command.commandId, { command, sinceMs: nowMs });
  }

  /** The command has an event: it needs no row any more. */
  drop(commandId: string): void {
    this.#held.delete(commandId);
  }

  /** Those held long enough, oldest first, at most `max`; they stay until dropped. */
  due(nowMs: number, max: number): AcceptedCommand[] {
    const due: AcceptedCommand[] = [];
    for (const { command, sinceMs } of this.#held.values()) {
      if (due.length >= max || nowMs - sinceMs < HOLD_MS) break;
      due.push(command);
    }
    return due;
  }

  /** Every command at or before this place of the stream is settled. One message less than what is known: it may have more commands to come. */
  settledSeq(): number {
    const [oldest] = this.#held.values();
    return Math.max(0, (oldest === undefined ? this.#lastSeq : oldest.command.position.seq) - 1);
  }
}
