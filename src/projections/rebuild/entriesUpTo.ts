import { streamSeqOf } from '../../events/event.js';
import type { LogEntry } from '../logEntries.js';
import { endOfMessage } from '../logPosition.js';

/** Entries after a place of the log, in order. */
export type EntrySource = (afterSeq: number, signal: AbortSignal) => AsyncIterable<LogEntry>;

/**
 * The log as far as `untilSeq` and not one event further, the message it lies in cut in two where need be: what a rebuild has folded must be
 * exactly what the live read models hold. The last entry always ends at `untilSeq`, even where no message does. `lost` are events that
 * are passed over.
 */
export function entriesUpTo(
  source: EntrySource,
  untilSeq: number,
  lost: ReadonlySet<number> = new Set(),
): EntrySource {
  return async function* read(afterSeq, signal) {
    const untilMessage = streamSeqOf(untilSeq);
    let tsMs = 0;
    for await (const entry of source(afterSeq, signal)) {
      if (entry.streamSeq > untilMessage) break;
      if (entry.streamSeq < untilMessage) tsMs = entry.tsMs;
      if (entry.streamSeq < untilMessage && lost.size === 0) {
        yield entry; // as it is: nobody has to look into it
        continue;
      }
      const events = entry.events.filter(({ seq }) => seq <= untilSeq && !lost.has(seq));
      if (entry.streamSeq < untilMessage) {
        yield { ...entry, events, unreadable: entry.unreadable };
        continue;
      }
      yield {
        ...entry,
        events,
        unreadable: entry.unreadable.filter(({ seq }) => seq <= untilSeq),
        toSeq: untilSeq,
      };
      return;
    }
    if (signal.aborted) return;
    const nothing = { events: [], unreadable: [], bytes: 0 };
    yield { ...nothing, streamSeq: untilMessage, tsMs, toSeq: untilSeq };
  };
}

/**
 * First what the stream no longer has, from the rows of `spark_events` (`rows` reads them between two places), then the stream, which has
 * every message within its bounds: these are asked each time, because limits may take more of its head meanwhile.
 */
export function entriesOfHistory(
  stream: EntrySource,
  rows: (
    range: { readonly afterSeq: number; readonly beforeStreamSeq: number },
    signal: AbortSignal,
  ) => AsyncIterable<LogEntry>,
  bounds: () => Promise<{ readonly firstStreamSeq: number; readonly lastStreamSeq: number }>,
): EntrySource {
  return async function* read(afterSeq, signal) {
    const { firstStreamSeq, lastStreamSeq } = await bounds();
    const headEnd = endOfMessage(firstStreamSeq - 1);
    const headGone = firstStreamSeq > 1;
    if (headGone && afterSeq < headEnd) yield* rows({ afterSeq, beforeStreamSeq: firstStreamSeq }, signal);
    // A reader of an empty stream would wait for its first message.
    if (firstStreamSeq > lastStreamSeq || signal.aborted) return;
    yield* stream(headGone ? Math.max(afterSeq, headEnd) : afterSeq, signal);
  };
}
