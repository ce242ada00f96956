import type { LoggedEvent } from '../../src/events/event.js';
import { ReadModels } from './readModels.js';

/** Another projector has been faster: the batch counts for nothing. */
export class CheckpointMovedError extends Error {}

/** A Postgres as the projector leans on it: one transaction holds the checkpoint (compare-and-set) and what lies between. */
export class Database {
  readonly models = new ReadModels();
  /** Every value the checkpoint has had. */
  readonly checkpoints: number[] = [0];

  get checkpoint(): number {
    return this.checkpoints.at(-1) ?? 0;
  }

  commit(step: { readonly fromSeq: number; readonly toSeq: number }, events: readonly LoggedEvent[]): void {
    if (step.fromSeq !== this.checkpoint)
      throw new CheckpointMovedError(`the checkpoint is at ${this.checkpoint}`);
    for (const logged of events) this.models.apply(logged);
    this.checkpoints.push(step.toSeq);
  }
}
