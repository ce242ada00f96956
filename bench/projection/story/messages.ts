import type { SparkEvent } from '../../../src/events/event.js';
import { encodeLogMessage } from '../../../src/events/log.js';
import type { Story } from './story.js';

/** How many events an append carries: what a worker's batch holds under load. */
const MIN_EVENTS = 64;
const MAX_EVENTS = 250;

/** One append to the log. `atMs` is the story's time of its newest event. */
export interface StoryMessage {
  readonly partition: number;
  readonly events: number;
  readonly atMs: number;
  readonly data: Uint8Array;
}

/** The story as messages of the log: each carries events of one partition, 64 to 250 of them; `limit` events in all. */
export function* messagesOf(story: Story, limit: number): Generator<StoryMessage, void, void> {
  const waiting = new Map<number, SparkEvent[]>();
  let taken = 0;
  let lastMs = 0;
  for (; taken < limit; taken++) {
    const { atMs, partition, event } = story.next();
    lastMs = atMs;
    const events = waiting.get(partition) ?? [];
    events.push(event);
    if (events.length >= sizeFor(taken)) {
      waiting.set(partition, []);
      yield message(partition, events, atMs);
    } else waiting.set(partition, events);
  }
  for (const [partition, events] of waiting) if (events.length > 0) yield message(partition, events, lastMs);
}

/** Differs from message to message, the same in every run. */
const sizeFor = (taken: number): number =>
  MIN_EVENTS + ((Math.imul(taken >>> 8, 2_654_435_761) >>> 16) % (MAX_EVENTS - MIN_EVENTS + 1));

const message = (partition: number, events: readonly SparkEvent[], atMs: number): StoryMessage => ({
  partition,
  events: events.length,
  atMs,
  data: encodeLogMessage(events),
});
