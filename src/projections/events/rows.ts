import type { LoggedEvent, SparkEvent } from '../../events/event.js';
import { upcast } from '../../events/upcast.js';
import type { CopyBuffer } from '../../postgres/copyBuffer.js';
import { jsonbText } from '../../postgres/jsonText.js';

export const EVENT_COLUMNS = [
  'seq',
  'ts',
  'event_id',
  'command_id',
  'log_partition',
  'type',
  'session_id',
  'payload',
] as const;

/** What of an event has a column of its own; the rest is its `payload`. */
type OwnColumn = 'eventId' | 'commandId' | 'type' | 'sessionId';

export interface EventRow {
  readonly seq: number;
  readonly tsMs: number;
  readonly eventId: string;
  readonly commandId: string;
  readonly partition: number;
  readonly type: string;
  readonly sessionId: string;
  readonly payload: Omit<SparkEvent, OwnColumn>;
}

/** One event, one row. */
export function eventRow({ event, seq, tsMs, partition }: LoggedEvent): EventRow {
  const { eventId, commandId, type, sessionId, ...payload } = event;
  return { seq, tsMs, eventId, commandId, partition, type, sessionId, payload };
}

/** The event of a row again, as today's whatever version it was written in: a replay from this table gives what a replay of the log gives. */
export function loggedEventOf(row: EventRow): LoggedEvent {
  const { seq, tsMs, partition, payload, eventId, commandId, type, sessionId } = row;
  return { seq, tsMs, partition, event: upcast({ ...payload, eventId, commandId, type, sessionId }) };
}

export function encodeEventRow(out: CopyBuffer, row: EventRow): void {
  out.row(EVENT_COLUMNS.length);
  out.int8(row.seq);
  out.timestamptz(row.tsMs);
  out.uuid(row.eventId);
  out.uuid(row.commandId);
  out.int2(row.partition);
  out.text(row.type);
  out.text(row.sessionId);
  out.jsonb(jsonbText(row.payload));
}
