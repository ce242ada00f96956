import { SparkError } from '../core/errors.js';

/** Neither replica nor primary answers. */
export class ReadModelsAwayError extends SparkError {
  readonly code = 'read_models_unavailable';
}

/** Whoever answers has not come to the place that was asked for yet. */
export class ReadModelsBehindError extends SparkError {
  readonly code = 'read_models_behind';

  constructor(afterSeq: number, appliedSeq: number) {
    super(`the read models have come to ${appliedSeq}, not yet to ${afterSeq}`, {
      fields: { afterSeq, appliedSeq },
    });
  }
}
