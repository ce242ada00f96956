import {
  type JetStreamClient,
  type JetStreamManager,
  type JsMsg,
  jetstream,
  jetstreamManager,
} from '@nats-io/jetstream';
import type { NatsConnection } from 'nats';
import { SparkError } from '../core/errors.js';
import type { CommandInbox, Delivery } from '../workers/ports.js';
import { decodeCommandMessage } from './commandCodec.js';
import { headerRecord } from './headers.js';
import { HEARTBEAT_MS, onSilence } from './silence.js';
import { publishedSubjectOf } from './subjects.js';
import { partitionSubjects, STREAMS, workerConsumer } from './topology.js';

/** An idle pull is renewed after this long; messages do not wait for it. */
const PULL_EXPIRES_MS = 20_000;
/** A question that no server answers, because none leads just now, must not outlast the election by much. */
const API_TIMEOUT_MS = 1_500;

/** The server that led the consumer is gone, or its connection. */
class SilentConsumerError extends SparkError {
  readonly code = 'consumer_silent';
}

/** The command stream as the worker takes it: in order per partition, explicit acknowledgement. */
export async function createCommandInbox(nc: NatsConnection): Promise<CommandInbox> {
  const js = jetstream(nc, { timeout: API_TIMEOUT_MS });
  const manager = await jetstreamManager(nc, { timeout: API_TIMEOUT_MS });
  const created = (await manager.streams.info(STREAMS.commands)).created;
  return {
    streamCreated: created,
    reset: (partition) => reset(manager, partition),
    pull: (partition, max, signal) => pull(js, created, partition, max, signal),
    pending: async (partition) => {
      const info = await manager.consumers.info(STREAMS.commands, workerConsumer(partition));
      return {
        waiting: info.num_pending,
        unacked: info.num_ack_pending,
        ackFloor: info.ack_floor.stream_seq,
      };
    },
    purgeBelow: async (partition, seq) => {
      for (const filter of partitionSubjects(partition))
        await manager.streams.purge(STREAMS.commands, { filter, seq });
    },
    usage: async () => {
      const { state, config } = await manager.streams.info(STREAMS.commands);
      return { bytes: state.bytes, maxBytes: config.max_bytes };
    },
  };
}

async function reset(manager: JetStreamManager, partition: number): Promise<{ ackFloor: number }> {
  const answer = await manager.consumers.reset(STREAMS.commands, workerConsumer(partition));
  return { ackFloor: answer.ack_floor.stream_seq };
}

async function* pull(
  js: JetStreamClient,
  created: string,
  partition: number,
  max: number,
  signal: AbortSignal,
): AsyncIterable<Delivery> {
  if (signal.aborted) return;
  const consumer = await js.consumers.get(STREAMS.commands, workerConsumer(partition));
  const messages = await consumer.fetch({
    max_messages: max,
    expires: PULL_EXPIRES_MS,
    idle_heartbeat: HEARTBEAT_MS,
  });
  const stop = () => messages.stop();
  signal.addEventListener('abort', stop, { once: true });
  let silent = false;
  const unwatch = onSilence(messages, () => {
    silent = true;
    stop();
  });
  try {
    if (signal.aborted) return;
    for await (const message of messages) yield toDelivery(message, created, partition);
    // What was on the wire is lost: the caller begins anew, at the floor.
    if (silent) throw new SilentConsumerError(`partition ${partition}: its consumer has fallen silent`);
  } finally {
    unwatch();
    signal.removeEventListener('abort', stop);
    // Also where the reader has had enough: what the server still sent would be delivered to nobody.
    stop();
  }
}

function toDelivery(message: JsMsg, created: string, partition: number): Delivery {
  const headers = headerRecord(message.headers);
  const storedAt = new Date(message.info.timestampNanos / 1e6).toISOString();
  const seq = message.seq;
  return {
    partition,
    seq,
    order: message.info.deliverySequence,
    items: decodeCommandMessage({
      subject: message.subject,
      headers,
      data: message.data,
      seq,
      partition,
      storedAt,
      streamCreated: created,
    }),
    original: { subject: publishedSubjectOf(message.subject), headers, data: message.data },
    ack: () => message.ack(),
    working: () => message.working(),
  };
}
