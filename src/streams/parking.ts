import { randomUUID } from 'node:crypto';
import type { JetStreamManager } from '@nats-io/jetstream';
import { type MsgHdrs, type NatsConnection, headers as natsHeaders } from 'nats';
import type { Command } from '../commands/envelope.js';
import type { Clock } from '../core/clock.js';
import type { ParkedBatch, Parking } from '../workers/ports.js';
import { clientsOf } from './clients.js';
import { newestOf } from './newest.js';
import { apiErrorCode, publishUntilAcked, untilAnswered } from './publish.js';
import { SUBJECTS } from './subjects.js';
import { STREAMS } from './topology.js';

/** Not that of earlier builds, which meant more by it. */
const OWNER_EPOCH = 'Spark-Owner-Epoch';
const encoder = new TextEncoder();
const decoder = new TextDecoder();
/** Status of a direct get that finds no message. */
const NOT_FOUND = 404;
const subjectOf = (editor: string): string => `${SUBJECTS.parked}.${editor}`;

/**
 * Where commands wait that would block others: those of an editor that is away, in order per editor. They keep their identity
 * (command id and place in the command stream), so whatever is delivered twice around the move is still one command to the ledger.
 */
export async function createParking(nc: NatsConnection, clock: Clock, signal: AbortSignal): Promise<Parking> {
  const clients = clientsOf(nc);
  const { js } = clients;
  const manager = await clients.manager;
  return {
    park: async (editor, commands, epoch) => {
      // An id of this call alone makes its own repeats harmless. One made from the commands could meet a batch of an earlier life, and
      // then this one would lie where nobody reads any more.
      const msgID = `parked-${randomUUID()}`;
      const body = encoder.encode(JSON.stringify(commands));
      const ack = await publishUntilAcked(
        js,
        clock,
        subjectOf(editor),
        body,
        { msgID, headers: ownedBy(epoch) },
        signal,
      );
      return ack.seq;
    },
    read: (editor, afterSeq, maxBatches) =>
      untilAnswered(clock, signal, () => readBatches(manager, editor, afterSeq, maxBatches)),
    release: async (editor, seq) => {
      await manager.streams.purge(STREAMS.parked, { filter: subjectOf(editor), seq: seq + 1 });
    },
    look: async () => {
      const { state } = await manager.streams.info(STREAMS.parked, {
        subjects_filter: `${SUBJECTS.parked}.>`,
      });
      const subjects = Object.keys(state.subjects ?? {});
      return {
        upTo: state.last_seq,
        editors: subjects.map((subject) => subject.slice(SUBJECTS.parked.length + 1)),
      };
    },
  };
}

/** Less was there than asked for, and the leader knows more: whoever answered is behind. */
class StaleReadError extends Error {}

async function readBatches(
  manager: JetStreamManager,
  editor: string,
  afterSeq: number,
  maxBatches: number,
): Promise<ParkedBatch[]> {
  const parked: ParkedBatch[] = [];
  let from = afterSeq + 1;
  try {
    // What is no batch of ours is passed over, and does not count: a reader takes less than it asked for as "that is all".
    while (parked.length < maxBatches) {
      const messages = await manager.direct.getBatch(STREAMS.parked, {
        seq: from,
        batch: maxBatches - parked.length,
        next_by_subj: subjectOf(editor),
      });
      const before = from;
      for await (const { seq, data, header } of messages) {
        const commands = commandsOf(data);
        const epoch = ownerOf(header);
        if (commands) parked.push({ parkedSeq: seq, commands, ...(epoch !== undefined && { epoch }) });
        from = seq + 1;
      }
      if (from === before) break;
    }
  } catch (error) {
    // "No message": there is nothing after `afterSeq`.
    if (apiErrorCode(error) !== NOT_FOUND) throw error;
  }
  if (parked.length < maxBatches) {
    const newest = await newestOf(manager, STREAMS.parked, subjectOf(editor));
    if (newest && newest.seq >= from)
      throw new StaleReadError(`${subjectOf(editor)} goes on at ${newest.seq}`);
  }
  return parked;
}

function ownedBy(epoch: number): MsgHdrs {
  const headers = natsHeaders();
  headers.set(OWNER_EPOCH, String(epoch));
  return headers;
}

const ownerOf = (headers: MsgHdrs | undefined): number | undefined =>
  headers?.has(OWNER_EPOCH) ? Number(headers.get(OWNER_EPOCH)) : undefined;

/** Undefined for what is no list of commands: the server may have been made to put its acknowledgement here (docs/adr/0014). */
function commandsOf(data: Uint8Array): Command[] | undefined {
  try {
    const commands: unknown = JSON.parse(decoder.decode(data));
    return Array.isArray(commands) ? (commands as Command[]) : undefined;
  } catch {
    return undefined;
  }
}
