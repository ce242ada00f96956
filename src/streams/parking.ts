import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from 'nats';
import type { Command } from '../commands/envelope.js';
import type { Clock } from '../core/clock.js';
import { sha256 } from '../core/ids.js';
import type { ParkedBatch, Parking } from '../workers/ports.js';
import { apiErrorCode, publishUntilAcked } from './publish.js';
import { SUBJECTS } from './subjects.js';
import { STREAMS } from './topology.js';

/** Status of a direct get that finds no message. */
const NOT_FOUND_STATUS = 404;
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const subjectOf = (editor: string): string => `${SUBJECTS.parked}.${editor}`;

/**
 * Where commands wait that would block others: those of an editor that is away, in order per editor. They keep their identity
 * (command id and place in the command stream), so whatever is delivered twice around the move is still one command to the ledger.
 */
export async function createParking(nc: NatsConnection, clock: Clock, signal: AbortSignal): Promise<Parking> {
  const js = jetstream(nc);
  const manager = await jetstreamManager(nc);
  return {
    park: async (editor, commands) => {
      // All places, not the first and the count: another batch may begin with the same command and be as long.
      const places = commands.map(({ position }) => `${position.seq}.${position.index}`);
      const msgID = `parked-${sha256([editor, ...places].join())}`;
      const body = encoder.encode(JSON.stringify(commands));
      const ack = await publishUntilAcked(js, clock, subjectOf(editor), body, { msgID }, signal);
      return ack.seq;
    },
    read: async (editor, afterSeq, maxBatches) => {
      const parked: ParkedBatch[] = [];
      const query = { seq: afterSeq + 1, batch: maxBatches, next_by_subj: subjectOf(editor) };
      try {
        for await (const message of await manager.direct.getBatch(STREAMS.parked, query))
          parked.push({
            parkedSeq: message.seq,
            commands: JSON.parse(decoder.decode(message.data)) as Command[],
          });
      } catch (error) {
        // None after that place: an answer, not a fault.
        if (apiErrorCode(error) !== NOT_FOUND_STATUS) throw error;
      }
      return parked;
    },
    release: async (editor, seq) => {
      await manager.streams.purge(STREAMS.parked, { filter: subjectOf(editor), seq: seq + 1 });
    },
    parked: async () => {
      const info = await manager.streams.info(STREAMS.parked, { subjects_filter: `${SUBJECTS.parked}.>` });
      const found = new Map<string, number>();
      for (const subject of Object.keys(info.state.subjects ?? {})) {
        const last = await manager.direct.getMessage(STREAMS.parked, { last_by_subj: subject });
        if (last) found.set(subject.slice(SUBJECTS.parked.length + 1), last.seq);
      }
      return found;
    },
  };
}
