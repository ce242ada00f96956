import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from 'nats';
import type { Clock } from '../core/clock.js';
import type { DeadLetterActions } from '../http/ports.js';
import type { DeadLetterAction, DeadLetterActionSource } from '../projections/ports.js';
import { publishUntilAcked } from './publish.js';
import { readStream } from './streamReader.js';
import { SUBJECTS } from './subjects.js';
import { STREAMS } from './topology.js';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Writes down what was done about a dead letter; the same action again is stored once within the duplicate window, and folded once for ever. */
export function createDeadLetterActions(
  nc: NatsConnection,
  clock: Clock,
  signal: AbortSignal,
): DeadLetterActions {
  const js = jetstream(nc);
  return {
    append: async (action) => {
      const msgID = `${action.action}-${action.letterId}-${action.redrive ?? 0}`;
      const body = encoder.encode(JSON.stringify(action satisfies DeadLetterAction));
      await publishUntilAcked(js, clock, SUBJECTS.deadLetterActions, body, { msgID }, signal);
    },
  };
}

export async function createDeadLetterActionSource(nc: NatsConnection): Promise<DeadLetterActionSource> {
  const js = jetstream(nc);
  const manager = await jetstreamManager(nc);
  return {
    created: async () => (await manager.streams.info(STREAMS.deadLetterActions)).created,
    read: async function* (afterStreamSeq, signal) {
      for await (const message of readStream(js, STREAMS.deadLetterActions, afterStreamSeq, signal)) {
        const action = readAction(message.data);
        if (!action) continue;
        yield {
          streamSeq: message.streamSeq,
          tsMs: message.tsMs,
          action,
        };
      }
    },
  };
}

/** Undefined for what is no action: the server may have been made to put its acknowledgement here (docs/adr/0014). */
function readAction(data: Uint8Array): DeadLetterAction | undefined {
  try {
    const action = JSON.parse(decoder.decode(data)) as Partial<DeadLetterAction> | null;
    const ours = typeof action?.action === 'string' && typeof action.letterId === 'number';
    return ours ? (action as DeadLetterAction) : undefined;
  } catch {
    return undefined;
  }
}
