import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from 'nats';
import { decodeLogMessage } from '../events/log.js';
import type { LogMessage, LogSource } from '../projections/ports.js';
import type { LogChunk, LogPort } from '../workers/ports.js';
import { authorOf } from './logAuthors.js';
import { readStream, type StreamMessage } from './streamReader.js';
import { STREAMS } from './topology.js';

/** A question that no leader answers, during an election, is asked again soon. */
const API_TIMEOUT_MS = 1_500;

const partitionOfSubject = (subject: string): number => Number(subject.slice(subject.lastIndexOf('.') + 1));

/** The log as the projector reads it. */
export async function createLogSource(nc: NatsConnection): Promise<LogSource> {
  const js = jetstream(nc, { timeout: API_TIMEOUT_MS });
  const manager = await jetstreamManager(nc, { timeout: API_TIMEOUT_MS });
  return {
    created: async () => (await manager.streams.info(STREAMS.log)).created,
    // The server says 0 for a stream that has never had a message.
    firstStreamSeq: async () => Math.max(1, (await manager.streams.info(STREAMS.log)).state.first_seq),
    lastStreamSeq: async () => (await manager.streams.info(STREAMS.log)).state.last_seq,
    read: (afterStreamSeq, signal) => toLogMessages(readStream(js, STREAMS.log, afterStreamSeq, signal)),
  };
}

/** Asks where the log ends now, and since when (epoch ms); 0 and 0 for an empty one. */
export async function createLogEnd(
  nc: NatsConnection,
): Promise<() => Promise<{ streamSeq: number; tsMs: number }>> {
  const manager = await jetstreamManager(nc, { timeout: API_TIMEOUT_MS });
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
  const js = jetstream(nc, { timeout: API_TIMEOUT_MS });
  return {
    end: async () => {
      const manager = await jetstreamManager(nc, { timeout: API_TIMEOUT_MS, checkAPI: false });
      return (await manager.streams.info(STREAMS.log)).state.last_seq;
    },
    follow: (afterSeq, signal) => chunksOf(readStream(js, STREAMS.log, afterSeq, signal)),
  };
}

async function* chunksOf(messages: AsyncIterable<StreamMessage>): AsyncIterable<LogChunk> {
  for await (const { streamSeq, tsMs, subject, headers, data } of messages) {
    const partition = partitionOfSubject(subject);
    yield {
      seq: streamSeq,
      partition,
      ...authorOf(headers),
      events: () => decodeLogMessage(data, streamSeq, tsMs, partition),
    };
  }
}
