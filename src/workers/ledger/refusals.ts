import type { Command } from '../../commands/envelope.js';
import type { Refusal } from '../../commands/problems.js';
import type { TrackedItem } from '../lanes/inFlight.js';
import type { Task } from '../lanes/task.js';
import type { BadCommand, OriginalMessage } from '../ports.js';
import { mismatch } from './admission.js';
import { publishOf, reject, type SettleContext } from './settle.js';

interface Place {
  readonly seq: number;
  readonly index: number;
}

/** Publishes that are no command, or none any more: each is told once, kept as a dead letter, and its lane goes on. */
export class Refusals {
  readonly #settle: SettleContext;
  /** On their way: a redelivery meanwhile must not be acknowledged before the dead letter is kept. */
  readonly #underWay = new Set<string>();

  constructor(settle: SettleContext) {
    this.#settle = settle;
  }

  underWay(place: Place): boolean {
    return this.#underWay.has(keyOf(place));
  }

  /** What was published and cannot be read as a command. */
  bad(bad: BadCommand, item: TrackedItem): void {
    if (this.#settle.state.done.has(bad.position)) item.settle();
    else this.#once(bad, item.delivery.original, item);
  }

  /** A refused repeat is a command of its own, named by its place: the first keeps its id, its row and its outcome. */
  refuse(command: Command, refusal: Refusal, origin: { settle(): void }): void {
    const { position, acceptedAt, sessionId, editor, type } = command;
    const commandId = this.#settle.deps.commandIdOfPosition(position.seq, position.index);
    const bad = { refusal, commandId, position, acceptedAt, sessionId, editor, type, meta: command };
    this.#once(bad, publishOf(command), origin);
  }

  /** A command that had begun when it turned out that its key was another partition's: nothing was called. */
  taken({ command, origin }: Task): void {
    const { claims, parkedEnded } = this.#settle;
    const settle = (): void => {
      claims.release(command.commandId);
      if (origin.kind === 'stream') origin.item.settle();
      else parkedEnded(origin.parkedSeq, command);
    };
    this.refuse(command, mismatch(command), { settle });
  }

  #once(bad: BadCommand, original: OriginalMessage, origin: { settle(): void }): void {
    const key = keyOf(bad.position);
    this.#underWay.add(key);
    const done = () => {
      this.#underWay.delete(key);
      origin.settle();
    };
    reject(bad, original, done, this.#settle);
  }
}

const keyOf = ({ seq, index }: Place): string => `${seq}.${index}`;
