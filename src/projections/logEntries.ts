import { messageOf } from '../core/errors.js';
import { EVENT_VERSION, type LoggedEvent, seqOf } from '../events/event.js';
import { type EventText, eventTextsOf } from '../events/eventText.js';
import { decodeLogMessage, isLogMessage } from '../events/log.js';
import { upcast } from '../events/upcast.js';
import { postgresMicros } from '../postgres/copyBuffer.js';
import { NewerEventsError } from './errors.js';
import type { LogMessage } from './ports.js';

/** From 1970 to 2000, where Postgres begins to count. */
const EPOCH_2000_US = 946_684_800_000_000;

/** Something in the log that is no event this build can read, and never will be. */
export interface Unreadable {
  readonly seq: number;
  readonly tsMs: number;
  readonly reason: string;
  readonly body: string;
}

/** A log message as the projector takes it. */
export interface LogEntry {
  readonly streamSeq: number;
  /** Where the checkpoint stands after it, when it is not all of its message. */
  readonly toSeq?: number;
  readonly tsMs: number;
  readonly bytes: number;
  readonly events: readonly LoggedEvent[];
  readonly unreadable: readonly Unreadable[];
}

/** A message as it is folded: its events, and the JSON that each of them came in, where a row can take that over. */
export interface DecodedEntry {
  readonly events: readonly LoggedEvent[];
  readonly unreadable: readonly Unreadable[];
  readonly texts?: readonly (EventText | undefined)[] | undefined;
}

/**
 * A message that waits for its batch as the bytes it came in: it is decoded when it is asked for its events, anew each time. Twenty thousand
 * events that wait as objects grow old in V8's heap before they are folded: that took 5 us an event of 17 (docs/adr/0026).
 */
export class WaitingEntry implements LogEntry {
  readonly streamSeq: number;
  readonly tsMs: number;
  readonly bytes: number;
  readonly #message: LogMessage;

  constructor(message: LogMessage) {
    this.#message = message;
    this.streamSeq = message.streamSeq;
    this.tsMs = wholeMicroseconds(message.tsMs);
    this.bytes = message.data.length;
  }

  /** Throws as `entryOf` does. */
  get events(): readonly LoggedEvent[] {
    return entryOf(this.#message).events;
  }

  get unreadable(): readonly Unreadable[] {
    return entryOf(this.#message).unreadable;
  }

  /** Both, and the texts. */
  decode(): DecodedEntry {
    const { events, unreadable } = entryOf(this.#message);
    const texts = events.length > 0 && unreadable.length === 0 ? eventTextsOf(this.#message.data) : undefined;
    return { events, unreadable, texts: texts?.length === events.length ? texts : undefined };
  }
}

/**
 * Decodes one message. One bad event does not take its neighbours with it. Throws `NewerEventsError` for events of a version
 * yet to come: a newer build will read them.
 */
export function entryOf(message: LogMessage): LogEntry {
  const { streamSeq, partition, data } = message;
  const tsMs = wholeMicroseconds(message.tsMs);
  const base = { streamSeq, tsMs, bytes: data.length };
  try {
    const events = decodeLogMessage(data, streamSeq, tsMs, partition);
    // No events: a claim, or something that is not ours.
    if (events.length > 0 || isLogMessage(data))
      return { streamSeq, tsMs, bytes: data.length, events, unreadable: [] };
    return {
      ...base,
      ...salvage({ ...message, tsMs }, 'it is no message of this log: somebody else put it there'),
    };
  } catch (error) {
    return { ...base, ...salvage({ ...message, tsMs }, messageOf(error)) };
  }
}

/**
 * As a column of `timestamptz` holds it: a fold of the rows and a fold of the log fall into the same minute, to the last digit. Rounded as
 * every build has rounded its rows: counted from 1970, the numbers would be too large to tell half a microsecond from the next.
 */
function wholeMicroseconds(tsMs: number): number {
  return (postgresMicros(tsMs) + EPOCH_2000_US) / 1_000;
}

function salvage(
  { streamSeq, tsMs, partition, data }: LogMessage,
  reason: string,
): Pick<LogEntry, 'events' | 'unreadable'> {
  const text = Buffer.from(data).toString('utf8');
  const items = itemsOf(text);
  if (items === undefined)
    return { events: [], unreadable: [{ seq: seqOf(streamSeq, 0), tsMs, reason, body: text }] };
  const events: LoggedEvent[] = [];
  const unreadable: Unreadable[] = [];
  for (const [index, item] of items.entries()) {
    const seq = seqOf(streamSeq, index);
    refuseNewer(item, seq);
    try {
      events.push({ event: upcast(item as Record<string, unknown>), seq, tsMs, partition });
    } catch (error) {
      unreadable.push({ seq, tsMs, reason: messageOf(error), body: bodyText(item) });
    }
  }
  return { events, unreadable };
}

function itemsOf(text: string): readonly unknown[] | undefined {
  try {
    const body: unknown = JSON.parse(text);
    const events = (body as { events?: unknown } | null)?.events;
    return Array.isArray(events) ? events : undefined;
  } catch {
    return undefined;
  }
}

/** What a dead letter shows of an event that is none: deeper than the stack reaches it cannot be written. */
export function bodyText(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    return `cannot be shown: ${messageOf(error)}`;
  }
}

function refuseNewer(item: unknown, seq: number): void {
  const version = (item as { v?: unknown } | null)?.v;
  if (typeof version !== 'number' || !(version > EVENT_VERSION)) return;
  throw new NewerEventsError(
    `the log holds an event of version ${version} at seq ${seq}, this build reads up to ${EVENT_VERSION}: upgrade SPARK; it goes on from there, nothing is lost`,
    { fields: { version, seq } },
  );
}
