import type { Claims } from '../ledger/claims.js';
import type { WorkerState } from '../ledger/workerState.js';
import type { ParkedBatch } from '../ports.js';
import type { CancelDesk } from './cancelDesk.js';
import type { CatchUp } from './catchUp.js';
import { isInDoubt } from './laneQueue.js';
import type { OpenLanes } from './openLanes.js';
import { newTask, type Task } from './task.js';

interface FoundDependencies {
  readonly claims: Claims;
  readonly state: WorkerState;
  readonly cancels: Pick<CancelDesk, 'moved' | 'ends'>;
  readonly catchUp: Pick<CatchUp, 'begin' | 'found' | 'allFound'>;
  readonly lanes: Pick<OpenLanes, 'of'>;
}

/** What an earlier owner left in the parking, as it is taken over: first all of it is found, then the lanes are opened. */
export class FoundParking {
  readonly #deps: FoundDependencies;
  /** By editor: commands that may have changed a file. */
  readonly #inDoubt = new Map<string, Task[]>();

  constructor(deps: FoundDependencies) {
    this.#deps = deps;
  }

  /** Nothing of the partition's parking goes on before all of it is found. */
  begin(partition: number): void {
    this.#deps.catchUp.begin(partition);
  }

  /** From now on a redelivery of one of these commands is safe, and another publish of its key meets it. */
  claim(editor: string, batch: ParkedBatch): void {
    const { claims, state, cancels, catchUp, lanes } = this.#deps;
    lanes.of(editor).parked.found(batch, ({ position }) => state.done.has(position));
    for (const command of batch.commands) {
      if (state.done.has(command.position) || claims.find(command.commandId)) continue;
      if (state.isOfStream(command.position)) catchUp.found(command.position);
      claims.hold(command, true);
      claims.parked(command.commandId, undefined);
      cancels.moved(command);
      const origin = { kind: 'parked', parkedSeq: batch.parkedSeq } as const;
      const task = newTask(command, origin, state.open.get(command.commandId));
      if (isInDoubt(task)) this.#inDoubt.set(editor, [...(this.#inDoubt.get(editor) ?? []), task]);
    }
  }

  /** All of it is found: the lanes of these editors go on. */
  open(partition: number, editors: readonly string[]): void {
    this.#deps.catchUp.allFound(partition);
    for (const editor of editors) this.#open(editor);
  }

  /**
   * Memory has those in doubt at once, whatever session they are of: nobody may come to a file that may have been
   * changed before it is looked after (see `LaneQueue`).
   */
  #open(editor: string): void {
    const { lane } = this.#deps.lanes.of(editor);
    for (const task of this.#inDoubt.get(editor) ?? []) {
      this.#deps.claims.hold(task.command, true);
      if (!this.#deps.cancels.ends(task)) lane.enqueue(task);
    }
    this.#inDoubt.delete(editor);
    lane.kick();
  }

  /** What was found and not opened is another owner's to find. */
  forget(isOf: (editor: string) => boolean): void {
    for (const editor of [...this.#inDoubt.keys()]) if (isOf(editor)) this.#inDoubt.delete(editor);
  }
}
