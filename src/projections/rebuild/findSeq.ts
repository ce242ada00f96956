import { seqOf } from '../../events/event.js';
import { entryOf } from '../logEntries.js';
import { endOfMessage } from '../logPosition.js';
import type { LogSource } from '../ports.js';
import type { EntrySource } from './entriesUpTo.js';
import type { LogState } from './history.js';
import type { Until } from './until.js';

/**
 * The place of the log that `until` names: everything up to it had happened. A time is searched for in the stream by halves (publish times
 * grow with it); where it lies before the stream's head, among the rows that stand for what is gone. 0: nothing had happened.
 */
export async function findSeq(
  until: Until,
  log: LogSource,
  state: LogState,
  entries: EntrySource,
  signal: AbortSignal,
): Promise<number> {
  const end = endOfMessage(state.lastStreamSeq);
  if (until.kind === 'seq') return Math.min(until.seq, end);
  // Every message up to `low` is within, every one from `high` on is not.
  let low = state.firstStreamSeq - 1;
  let high = state.lastStreamSeq + 1;
  while (high - low > 1) {
    signal.throwIfAborted();
    const middle = (low + high) >> 1;
    const tsMs = await timeOf(log, middle, signal);
    if (tsMs !== undefined && tsMs <= until.tsMs) low = middle;
    else high = middle;
  }
  if (low >= state.firstStreamSeq) return endOfMessage(low);
  return state.firstStreamSeq > 1 ? lastWithin(until.tsMs, state.firstStreamSeq, entries, signal) : 0;
}

/** Publish time of a message, or of the next one there is. */
async function timeOf(log: LogSource, streamSeq: number, signal: AbortSignal): Promise<number | undefined> {
  const reading = new AbortController();
  const onAbort = (): void => reading.abort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    // As the fold and the rows have it: to the microsecond.
    for await (const message of log.read(streamSeq - 1, reading.signal)) return entryOf(message).tsMs;
    return undefined;
  } finally {
    signal.removeEventListener('abort', onAbort);
    reading.abort();
  }
}

async function lastWithin(
  tsMs: number,
  firstStreamSeq: number,
  entries: EntrySource,
  signal: AbortSignal,
): Promise<number> {
  let last = 0;
  for await (const entry of entries(0, signal)) {
    if (entry.streamSeq >= firstStreamSeq || entry.tsMs > tsMs) break;
    last = entry.streamSeq;
  }
  return last === 0 ? 0 : seqOf(last + 1, 0) - 1;
}
