import { SparkError } from '../core/errors.js';
import type { PartitionLog } from './ports.js';

/** A partition in its owner's hands. `signal`: aborted when it is given away or lost. */
export interface OwnedPartition {
  readonly log: PartitionLog;
  readonly signal: AbortSignal;
}

/** Something was to be done for a partition that is another's now: the other does it. */
export class GivenAwayError extends SparkError {
  readonly code = 'given_away';
}
