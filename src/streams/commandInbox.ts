import { type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from 'nats';
import type { CommandInbox, Delivery } from '../workers/ports.js';
import { decodeCommandMessage } from './commandCodec.js';
import { type PulledMessage, Pulls } from './commandPull.js';
import { headerRecord } from './headers.js';
import { publishedSubjectOf } from './subjects.js';
import { partitionSubjects, STREAMS, workerConsumer } from './topology.js';

/** A question that no server answers, because none leads just now, must not outlast the election by much. */
const API_TIMEOUT_MS = 1_500;

/** The command stream as the worker takes it: in order per partition (of so many), explicit acknowledgement. */
export async function createCommandInbox(nc: NatsConnection, partitions: number): Promise<CommandInbox> {
  const js = jetstream(nc, { timeout: API_TIMEOUT_MS });
  const manager = await jetstreamManager(nc, { timeout: API_TIMEOUT_MS });
  const created = (await manager.streams.info(STREAMS.commands)).created;
  const pulls = new Pulls(nc, js, STREAMS.commands, partitions);
  return {
    streamCreated: created,
    reset: (partition) => reset(manager, partition),
    pull: async function* (partition, max, signal) {
      for await (const pulled of pulls.pull(workerConsumer(partition), max, signal))
        yield toDelivery(pulled, created, partition);
    },
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

const encoder = new TextEncoder();
const ACK = encoder.encode('+ACK');
const WORKING = encoder.encode('+WPI');

function toDelivery(
  { message, seq, order, tsMs }: PulledMessage,
  created: string,
  partition: number,
): Delivery {
  const headers = headerRecord(message.headers);
  const { data, subject } = message;
  let acked = false;
  return {
    partition,
    seq,
    order,
    items: decodeCommandMessage({
      subject,
      headers,
      data,
      seq,
      partition,
      storedAt: new Date(tsMs).toISOString(),
      streamCreated: created,
    }),
    original: { subject: publishedSubjectOf(subject), headers, data },
    ack: () => {
      if (!acked) message.respond(ACK);
      acked = true;
    },
    working: () => {
      if (!acked) message.respond(WORKING);
    },
  };
}
