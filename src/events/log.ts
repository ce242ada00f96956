import { type LoggedEvent, type SparkEvent, seqOf } from './event.js';
import { UnknownEventVersionError, upcast } from './upcast.js';

/** One message of the log: the events one append carried, in order. No events: an owner's claim of its partition. */
interface LogBody {
  /** 1 in this build. */
  readonly v: number;
  readonly events: readonly Record<string, unknown>[];
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function encodeLogMessage(events: readonly SparkEvent[]): Uint8Array {
  return encoder.encode(JSON.stringify({ v: 1, events }));
}

/**
 * The events of one log message with their places; none of a message that is not ours (`isLogMessage`). `tsMs` is JetStream's publish
 * time of the message. Throws `UnknownEventVersionError` for what a newer build has written.
 */
export function decodeLogMessage(
  data: Uint8Array,
  streamSeq: number,
  tsMs: number,
  partition: number,
): LoggedEvent[] {
  const body = bodyOf(data);
  if (!body) return [];
  // A newer form of the whole message: to go on without its events would be to decide by half a history.
  if (body.v !== 1)
    throw new UnknownEventVersionError(
      `log message version ${String(body.v)} is unknown to this build (1): upgrade SPARK`,
    );
  return body.events.map((event, index) => ({
    event: upcast(event),
    seq: seqOf(streamSeq, index),
    tsMs,
    partition,
  }));
}

/**
 * False for what somebody else has put into the log: whoever may publish anything can name a subject of the log as its reply subject, and
 * the server's acknowledgement is stored there (docs/adr/0014).
 */
export const isLogMessage = (data: Uint8Array): boolean => bodyOf(data) !== undefined;

function bodyOf(data: Uint8Array): LogBody | undefined {
  try {
    const body = JSON.parse(decoder.decode(data)) as LogBody | null;
    return Array.isArray(body?.events) ? body : undefined;
  } catch {
    return undefined;
  }
}
