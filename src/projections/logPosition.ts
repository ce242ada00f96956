import { seqOf, streamSeqOf } from '../events/event.js';

/** Above every event of a message: a checkpoint there has the whole message behind it. */
const LAST_INDEX = 1_023;

/** The checkpoint after a whole message, of however many events. */
export function endOfMessage(streamSeq: number): number {
  return seqOf(streamSeq, LAST_INDEX);
}

/** After which message to read on from a checkpoint. Inside a message (a poison event stopped there) it is read again. */
export function readAfter(lastSeq: number): number {
  if (lastSeq <= 0) return 0;
  const streamSeq = streamSeqOf(lastSeq);
  return lastSeq === endOfMessage(streamSeq) ? streamSeq : streamSeq - 1;
}
