import type { Command } from '../../commands/envelope.js';
import type { ParkedIndex } from './parkedIndex.js';

/** Batches stored at once, each of other sessions. */
const STORE_BATCHES = 16;
/** A batch must fit one message of any nats-server. */
const BATCH_COMMANDS = 100;
const BATCH_BYTES = 512 * 1024;

interface Batch<W> {
  readonly entries: W[];
  bytes: number;
  /** The batch of its session that lies there already and that it comes before; undefined where it comes last. */
  readonly before: number | undefined;
}

/**
 * Takes what may be stored at the same time out of what waits: at most one batch of each session. A session with a backlog gets batches
 * of its own, so that nobody else's command has to wait for what lies before; all others share one. And nothing that lies there already
 * belongs between two commands of one batch.
 */
export function takeRound<W extends { readonly task: { readonly command: Command } }>(
  waiting: readonly W[],
  index: Pick<ParkedIndex, 'has' | 'firstAfter'>,
): { readonly batches: W[][]; readonly rest: W[] } {
  const batches = new Map<string, Batch<W>>();
  const deferred = new Set<string>();
  const rest: W[] = [];
  for (const entry of waiting) {
    const { command } = entry.task;
    const { sessionId, position } = command;
    const key = index.has(sessionId) ? sessionId : SHARED;
    const before = index.firstAfter(sessionId, position);
    const known = batches.get(key);
    const bytes = sizeOf(command);
    if (deferred.has(sessionId) || !(known ? hasRoom(known, bytes, before) : batches.size < STORE_BATCHES)) {
      deferred.add(sessionId);
      rest.push(entry);
      continue;
    }
    const batch = known ?? { entries: [], bytes: 0, before };
    batch.entries.push(entry);
    batch.bytes += bytes;
    batches.set(key, batch);
  }
  return { batches: [...batches.values()].map(({ entries }) => entries), rest };
}

const hasRoom = (batch: Batch<unknown>, bytes: number, before: number | undefined): boolean =>
  batch.before === before && batch.entries.length < BATCH_COMMANDS && batch.bytes + bytes <= BATCH_BYTES;

/** No session is called this. */
export const SHARED = '';

const sizeOf = (command: Command): number => 600 + 2 * JSON.stringify(command.payload).length;
