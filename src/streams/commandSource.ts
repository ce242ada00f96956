import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from 'nats';
import type { CommandSource } from '../projections/ports.js';
import { decodeCommandMessage } from './commandCodec.js';
import { headerRecord } from './headers.js';
import { readStream } from './streamReader.js';
import { partitionOf } from './subjects.js';
import { STREAMS } from './topology.js';

/** The command stream as the overlay of accepted commands reads it: well-formed ones, without their payloads. */
export async function createCommandSource(nc: NatsConnection, partitions: number): Promise<CommandSource> {
  const js = jetstream(nc);
  const manager = await jetstreamManager(nc);
  const created = (await manager.streams.info(STREAMS.commands)).created;
  return {
    created: async () => (await manager.streams.info(STREAMS.commands)).created,
    read: async function* (afterStreamSeq, signal) {
      for await (const message of readStream(js, STREAMS.commands, afterStreamSeq, signal)) {
        const items = decodeCommandMessage({
          subject: message.subject,
          headers: headerRecord(message.headers),
          data: message.data,
          seq: message.streamSeq,
          partition: 0,
          storedAt: new Date(message.tsMs).toISOString(),
          streamCreated: created,
        });
        for (const item of items) {
          if (item.kind !== 'command') continue;
          const { payload: _payload, ...command } = item.command;
          yield {
            ...command,
            position: { ...command.position, partition: partitionOf(command.editor, partitions) },
          };
        }
      }
    },
  };
}
