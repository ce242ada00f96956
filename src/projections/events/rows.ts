import type { LoggedEvent, SparkEvent } from '../../events/event.js';
import type { TextPieces } from '../../events/eventText.js';
import { upcast } from '../../events/upcast.js';
import { type CopyBuffer, UnencodableError } from '../../postgres/copyBuffer.js';
import { jsonbText } from '../../postgres/jsonText.js';
import { isTooDeep } from './depth.js';

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

/** `rest`: the payload as the event's text has it; without, it is written anew. Throws `UnencodableError` for what no row can hold. */
export function encodeEventRow(out: CopyBuffer, logged: LoggedEvent, rest?: TextPieces): void {
  const { event, seq, tsMs, partition } = logged;
  // The column keeps the text, and shows it as jsonb: only what jsonb takes may go in.
  const written = rest ?? objectText(jsonbText(eventRow(logged).payload));
  for (let i = 0; i < written.bounds.length; i += 2)
    if (isTooDeep(written.bytes, written.bounds[i], written.bounds[i + 1]))
      throw new UnencodableError('the payload is nested too deeply');
  out.row(EVENT_COLUMNS.length);
  out.int8(seq);
  out.timestamptz(tsMs);
  out.uuid(event.eventId);
  out.uuid(event.commandId);
  out.int2(partition);
  out.text(event.type);
  out.text(event.sessionId);
  out.jsonObject(written);
}

/** The text of an object as one piece: its members, without the braces. */
function objectText(json: string): TextPieces {
  const bytes = Buffer.from(json);
  return { bytes, bounds: bytes.length === 2 ? [] : [1, bytes.length - 1] };
}
