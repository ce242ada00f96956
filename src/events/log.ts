import { type LoggedEvent, type SparkEvent, seqOf } from './event.js';
import { upcast } from './upcast.js';

/** One message of the log: the events one append carried, in order. No events: an owner's claim of its partition. */
interface LogBody {
  readonly v: 1;
  readonly events: readonly Record<string, unknown>[];
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function encodeLogMessage(events: readonly SparkEvent[]): Uint8Array {
  return encoder.encode(JSON.stringify({ v: 1, events }));
}

/** The events of one log message with their places. `tsMs` is JetStream's publish time of the message. */
export function decodeLogMessage(
  data: Uint8Array,
  streamSeq: number,
  tsMs: number,
  partition: number,
): LoggedEvent[] {
  const body = JSON.parse(decoder.decode(data)) as LogBody;
  return body.events.map((event, index) => ({
    event: upcast(event),
    seq: seqOf(streamSeq, index),
    tsMs,
    partition,
  }));
}
