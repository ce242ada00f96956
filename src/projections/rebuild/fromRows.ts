import type pg from 'pg';
import { type SparkEvent, streamSeqOf } from '../../events/event.js';
import { upcast } from '../../events/upcast.js';
import { type EventRow, loggedEventOf } from '../events/rows.js';
import type { LogEntry } from '../logEntries.js';

/** A row of `spark_events` as text: nothing of it goes through a type that could round it. */
export interface StoredEvent {
  readonly seq: string;
  /** Microseconds since 1970. */
  readonly ts_us: string;
  readonly event_id: string;
  readonly command_id: string;
  readonly log_partition: number;
  readonly type: string;
  readonly session_id: string;
  readonly payload: string;
}

const PAGE_ROWS = 5_000;

/**
 * The events of the log as their rows tell them, for what the stream no longer has: one entry a log message, in log order, after
 * `afterSeq` and before the message `beforeStreamSeq`. Its own transaction sees one moment of the table. What was a dead letter
 * has no row. `from` is the qualified name of the table.
 */
export async function* entriesFromRows(
  pool: pg.Pool,
  from: string,
  range: { readonly afterSeq: number; readonly beforeStreamSeq: number },
  signal: AbortSignal,
): AsyncGenerator<LogEntry> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
    await client.query('SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0');
    // By seq (the column, not its text), not by time: the fold goes by log order, and a clock may have been set back.
    await client.query(
      `DECLARE stored_events NO SCROLL CURSOR FOR
       SELECT seq::text, (extract(epoch FROM ts) * 1000000)::bigint::text AS ts_us, event_id::text, command_id::text,
              log_partition, type, session_id, payload::text AS payload
       FROM ${from} stored WHERE stored.seq > ${BigInt(range.afterSeq)} AND stored.seq < ${BigInt(range.beforeStreamSeq) * 1_024n} ORDER BY stored.seq`,
    );
    let open: StoredEvent[] = [];
    while (!signal.aborted) {
      const { rows } = await client.query<StoredEvent>(`FETCH ${PAGE_ROWS} FROM stored_events`);
      const messages = byMessage([...open, ...rows]);
      // The page may have cut the last message.
      open = rows.length === 0 ? [] : (messages.pop() ?? []);
      for (const message of messages) yield entryOfRows(message);
      if (rows.length === 0) return;
    }
  } finally {
    // Nothing was written: ending the connection is the end of its transaction.
    client.release(true);
  }
}

function byMessage(rows: readonly StoredEvent[]): StoredEvent[][] {
  const messages: StoredEvent[][] = [];
  let current = -1;
  for (const row of rows) {
    const streamSeq = streamSeqOf(Number(row.seq));
    if (streamSeq === current) messages.at(-1)?.push(row);
    else messages.push([row]);
    current = streamSeq;
  }
  return messages;
}

/** Pure: the rows of one log message as the entry that reading the message gives. */
export function entryOfRows(rows: readonly StoredEvent[]): LogEntry {
  const events = rows.map((row) => {
    const { event, ...place } = loggedEventOf(eventRowOf(row));
    return { ...place, event: upcast(event as unknown as Record<string, unknown>) };
  });
  const [first] = events;
  if (first === undefined) throw new RangeError('a log message without rows is no entry');
  return {
    streamSeq: streamSeqOf(first.seq),
    tsMs: first.tsMs,
    bytes: rows.reduce((sum, row) => sum + row.payload.length, 0),
    events,
    unreadable: [],
  };
}

function eventRowOf(row: StoredEvent): EventRow {
  return {
    seq: Number(row.seq),
    tsMs: Number(row.ts_us) / 1_000,
    eventId: row.event_id,
    commandId: row.command_id,
    partition: row.log_partition,
    type: row.type,
    sessionId: row.session_id,
    payload: JSON.parse(row.payload) as Omit<SparkEvent, 'eventId' | 'commandId' | 'type' | 'sessionId'>,
  };
}
