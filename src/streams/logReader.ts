import { DeliverPolicy, type JetStreamClient, jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from 'nats';
import { decodeLogMessage } from '../events/log.js';
import type { LogMessage, LogSource } from '../projections/ports.js';
import type { LogChunk, LogPort } from '../workers/ports.js';
import { STREAMS } from './topology.js';

/** A message of any stream, read in order. */
export interface StreamMessage {
  readonly streamSeq: number;
  readonly tsMs: number;
  readonly subject: string;
  readonly headers: Iterable<[string, string[]]> | undefined;
  readonly data: Uint8Array;
}

/**
 * How long one pull lasts. After a reconnect the client asks for its consumer once, and when the server is not ready for that it waits
 * this long before it asks again, deaf to further reconnects: with the default of 30 s readers stood still for 43 s (measured).
 */
const PULL_EXPIRES_MS = 5_000;

/**
 * Every message of a stream after `afterSeq`, in order, once each, for ever: an ordered consumer re-makes itself after gaps and
 * reconnects. The reader pulls: what it has not asked for stays on the server.
 */
export async function* readStream(
  js: JetStreamClient,
  stream: string,
  afterSeq: number,
  signal: AbortSignal,
  options: { filter?: string | string[]; onlyNew?: boolean } = {},
): AsyncIterable<StreamMessage> {
  if (signal.aborted) return;
  const consumer = await js.consumers.get(stream, {
    ...(options.onlyNew
      ? { deliver_policy: DeliverPolicy.New }
      : { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: afterSeq + 1 }),
    ...(options.filter === undefined ? {} : { filter_subjects: [options.filter].flat() }),
  });
  const messages = await consumer.consume({ max_messages: 1_000, expires: PULL_EXPIRES_MS });
  const stop = () => messages.stop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    for await (const message of messages) {
      if (signal.aborted) return;
      yield {
        streamSeq: message.seq,
        tsMs: message.info.timestampNanos / 1e6,
        subject: message.subject,
        headers: message.headers,
        data: message.data,
      };
    }
  } finally {
    signal.removeEventListener('abort', stop);
    await messages.close();
    await consumer.delete().catch(() => undefined);
  }
}

const partitionOfSubject = (subject: string): number => Number(subject.slice(subject.lastIndexOf('.') + 1));

/** The log as the projector reads it. */
export async function createLogSource(nc: NatsConnection): Promise<LogSource> {
  const js = jetstream(nc);
  const manager = await jetstreamManager(nc);
  return {
    created: async () => (await manager.streams.info(STREAMS.log)).created,
    lastStreamSeq: async () => (await manager.streams.info(STREAMS.log)).state.last_seq,
    read: (afterStreamSeq, signal) => toLogMessages(readStream(js, STREAMS.log, afterStreamSeq, signal)),
  };
}

/** Asks where the log ends now, and since when (epoch ms); 0 and 0 for an empty one. */
export async function createLogEnd(
  nc: NatsConnection,
): Promise<() => Promise<{ streamSeq: number; tsMs: number }>> {
  const manager = await jetstreamManager(nc);
  return async () => {
    const { last_seq: streamSeq, last_ts } = (await manager.streams.info(STREAMS.log)).state;
    return { streamSeq, tsMs: streamSeq === 0 ? 0 : Date.parse(last_ts) };
  };
}

async function* toLogMessages(messages: AsyncIterable<StreamMessage>): AsyncIterable<LogMessage> {
  for await (const { streamSeq, tsMs, subject, data } of messages)
    yield { streamSeq, tsMs, partition: partitionOfSubject(subject), data };
}

/** The log as a worker follows it: see `LogPort`. */
export function logFollowing(nc: NatsConnection): Pick<LogPort, 'end' | 'follow'> {
  const js = jetstream(nc);
  return {
    end: async () => {
      const manager = await jetstreamManager(nc, { checkAPI: false });
      return (await manager.streams.info(STREAMS.log)).state.last_seq;
    },
    follow: (afterSeq, signal) => chunksOf(readStream(js, STREAMS.log, afterSeq, signal)),
  };
}

async function* chunksOf(messages: AsyncIterable<StreamMessage>): AsyncIterable<LogChunk> {
  for await (const { streamSeq, tsMs, subject, data } of messages) {
    const partition = partitionOfSubject(subject);
    yield {
      seq: streamSeq,
      partition,
      events: () => decodeLogMessage(data, streamSeq, tsMs, partition),
    };
  }
}
