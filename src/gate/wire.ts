/** What both ends of the gate's HTTP agree on. One POST a call: `/v1/gate/{operation}`, codec.ts in and out. */
export const GATE_PATH = '/v1/gate/';
/** Of every request but the first: the gate that is meant, by its id. Another one knows other tokens. */
export const GATE_ID_HEADER = 'spark-gate-id';
export const MESSAGE_TYPE = 'application/x-spark-gate';

/** One message, either way: the largest is a file for speech recognition (50 MB) with its frame. */
export const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;
/**
 * An answer that takes longer begins with zero bytes, one this often: so either side notices within seconds that the other has gone,
 * however long a call takes.
 */
export const HEARTBEAT_MS = 2_000;
/** Silence for this long means that nobody is there. */
export const SILENCE_MS = 10_000;

/** First byte of an answer after the heartbeats. */
export const HEARTBEAT = 0;
export const RESULT = 1;
export const FAILURE = 2;

/** What went wrong in the gate after it had begun. */
export interface GateFailure {
  readonly code: string;
  readonly message: string;
  /** With `stale_fence_token`. */
  readonly spent?: boolean;
  readonly bound?: { readonly epoch: number; readonly call: number };
}

/** Marks a refusal as the gate's own: a proxy's may come after the gate has begun. */
export const REFUSED_HEADER = 'spark-gate-refused';

/** Refused before anything was begun: JSON with a status of 400 or more. */
export interface GateRefusal {
  readonly code: string;
  readonly message: string;
}

/** The answer came from another gate than the one that this worker has begun with. */
export const OTHER_GATE = 'other_gate';
