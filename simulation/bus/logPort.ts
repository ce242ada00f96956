import type { NatsConnection } from 'nats';
import type { LoggedEvent } from '../../src/events/event.js';
import { entryOf, type LogEntry } from '../../src/projections/logEntries.js';
import { authorOf } from '../../src/streams/logAuthors.js';
import { claimPartition } from '../../src/streams/partitionLog.js';
import type { LiveFeed, LogChunk, LogPort } from '../../src/workers/ports.js';
import type { Network } from '../kernel/network.js';
import type { Process } from '../kernel/process.js';
import type { Stored, Stream } from './stream.js';

const REQUEST_MS = 2_000;
const nothing = (): void => undefined;
export const NO_LIVE: LiveFeed = { published: nothing, progress: nothing, frame: nothing };
const NO_STATS = { waiting: nothing, acked: nothing, published: nothing, failed: nothing };
const LIMITS = { batchEvents: 256, batchBytes: 256 * 1_024 };

/** The subscription's connection is gone; the reader begins again from where it was. */
export class SubscriptionLostError extends Error {}

/** The log as a worker has it: production's appender over the simulated connection, and a reader of everything from a place on. */
export function logPortOf(
  process: Process,
  network: Network,
  connection: NatsConnection,
  log: Stream,
): LogPort {
  return {
    claim: (partition) =>
      claimPartition(connection, partition, {
        clock: process.clock,
        live: NO_LIVE,
        limits: LIMITS,
        stats: NO_STATS,
      }),
    end: () => network.request(process, REQUEST_MS, () => log.lastSeq),
    follow: (afterSeq, signal) => chunks(follow(process, network, log, afterSeq, signal)),
  };
}

export const partitionOfLogSubject = (subject: string): number =>
  Number(subject.slice(subject.lastIndexOf('.') + 1));

const ENTRY = Symbol('entry');

/**
 * A message of the log, decoded by production's decoder: once, for all who read it. Kept on the message itself: what a `WeakMap` holds
 * outlives every young collection.
 */
export function entryOfStored(message: Stored & { [ENTRY]?: LogEntry }): LogEntry {
  const known = message[ENTRY];
  if (known) return known;
  const { seq, subject, data, tsMs } = message;
  const entry = entryOf({ streamSeq: seq, tsMs, partition: partitionOfLogSubject(subject), data });
  message[ENTRY] = entry;
  return entry;
}

async function* chunks(messages: AsyncIterable<Stored>): AsyncIterable<LogChunk> {
  for await (const message of messages) {
    const { seq, subject } = message;
    const events = (): readonly LoggedEvent[] => entryOfStored(message).events;
    yield {
      seq,
      partition: partitionOfLogSubject(subject),
      ...authorOf(Object.entries(message.headers).map(([name, value]) => [name, [value]])),
      events,
    };
  }
}

/** Every message after `afterSeq`, in order, until the abort; throws when the connection is lost on the way. */
export async function* follow(
  process: Process,
  network: Network,
  stream: Stream,
  afterSeq: number,
  signal: AbortSignal,
): AsyncIterable<Stored> {
  const arrived: Stored[] = [];
  let broken = false;
  let wake: () => void = nothing;
  const push = (message: Stored): void => {
    if (broken || signal.aborted) return;
    if (network.isCut(process)) broken = true;
    process.after(network.inOrder(process, process.kernel.random.between(1, 3)), () => {
      if (!broken) arrived.push(message);
      wake();
    });
  };
  const onAbort = (): void => wake();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const close = await network.request(process, REQUEST_MS, () => subscribe(stream, afterSeq, push));
    try {
      for (;;) {
        if (signal.aborted) return;
        const message = arrived.shift();
        if (message) yield message;
        else if (broken) throw new SubscriptionLostError('the connection was lost');
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    } finally {
      close();
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** What is there, then what comes; the returned function ends it. */
function subscribe(stream: Stream, afterSeq: number, push: (message: Stored) => void): () => void {
  for (let at = afterSeq; at < stream.messages.length; at++) {
    const message = stream.messages[at];
    if (message) push(message);
  }
  return stream.onStored(push);
}
