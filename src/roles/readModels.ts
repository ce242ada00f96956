import type { Clock } from '../core/clock.js';
import { pause } from '../core/clock.js';
import type { CommandRow, ReadAnswer, ReadModels, ReadSource } from '../http/readPort.js';
import type { PostgresPools } from '../postgres/pools.js';
import { type CommandView, commandById, listCommands } from '../projections/commands/queries.js';
import { listDeadLetters } from '../projections/deadLetters/queries.js';
import { sessionEventsAfter } from '../projections/events/queries.js';
import { freshness } from '../projections/freshness.js';
import { listOperations } from '../projections/operations/queries.js';
import { previewOfFrame } from '../projections/previews/queries.js';
import { createSeqWaiter } from '../projections/seqWaiter.js';

interface Images {
  get(sha256: string): Promise<Uint8Array | undefined>;
}

/** What HTTP reads, from the replica; when that one is away, from the primary: reads are stale at worst, never gone while one lives. */
export function createReadModels(pools: PostgresPools, images: Images, clock: Clock): ReadModels {
  const read = async <T>(query: (pool: PostgresPools['primary']) => Promise<T>): Promise<ReadAnswer<T>> => {
    if (pools.hasReplica) {
      try {
        return { data: await query(pools.replica), source: 'replica' };
      } catch {
        // The replica is away: the primary knows at least as much.
      }
    }
    return { data: await query(pools.primary), source: 'primary' };
  };
  const waiters = {
    replica: createSeqWaiter(pools.replica, clock),
    primary: createSeqWaiter(pools.primary, clock),
  };
  return {
    commandById: (commandId) =>
      read(async (pool) => {
        const row = await commandById(pool, commandId);
        return row && commandRow(row);
      }),
    listCommands: ({ sessionId, state, editor, limit }) =>
      read(async (pool) => {
        const query = {
          limit,
          ...(sessionId === undefined ? {} : { sessionId }),
          ...(editor === undefined ? {} : { editor }),
          ...(state === undefined ? {} : { states: [state] }),
        };
        return (await listCommands(pool, query)).map(commandRow);
      }),
    sessionEventsAfter: async (sessionId, afterSeq, limit, source) => {
      const query = (pool: PostgresPools['primary']) =>
        sessionEventsAfter(pool, { sessionId, afterSeq, limit });
      if (source === undefined) return read(query);
      return { data: await query(source === 'replica' ? pools.replica : pools.primary), source };
    },
    operationsOfSession: (sessionId, limit) =>
      read(async (pool) =>
        (await listOperations(pool, { sessionId, limit })).map((row) => ({
          ...row,
          ts: row.ts.toISOString(),
        })),
      ),
    frame: (sha256) => read((pool) => frame(pool, images, sha256)),
    deadLetters: ({ sessionId, limit }) =>
      read(async (pool) =>
        (await listDeadLetters(pool, { limit, ...(sessionId === undefined ? {} : { sessionId }) })).map(
          (row) => ({
            ...row,
            id: String(row.id),
            ts: row.ts.toISOString(),
          }),
        ),
      ),
    freshness: async () => {
      const found = await freshness(pools);
      const source: ReadSource = pools.hasReplica ? 'replica' : 'primary';
      const level = found.replicaSeq !== null && found.replicaSeq === found.primarySeq;
      const lagMs = level
        ? 0
        : found.replicaTsMs === null
          ? null
          : Math.max(0, clock.nowMs() - found.replicaTsMs);
      return { data: { appliedSeq: found.replicaSeq ?? 0, lagMs }, source };
    },
    waitForSeq: async (seq, timeoutMs, signal) => {
      if (await orAborted(waiters.replica.waitForSeq(seq, timeoutMs), signal, clock, timeoutMs))
        return { reached: true, source: pools.hasReplica ? 'replica' : 'primary' };
      const reached = pools.hasReplica && !signal.aborted && (await waiters.primary.waitForSeq(seq, 250));
      return { reached, source: 'primary' };
    },
  };
}

async function orAborted(
  wait: Promise<boolean>,
  signal: AbortSignal,
  clock: Clock,
  timeoutMs: number,
): Promise<boolean> {
  const over = new AbortController();
  const limit = pause(clock, timeoutMs, AbortSignal.any([signal, over.signal])).then(() => false);
  const result = await Promise.race([wait, limit]);
  over.abort();
  return result;
}

/** Only pictures that a preview made: scripts lie in the same store, and are nobody's to fetch by hash. */
async function frame(pool: PostgresPools['primary'], images: Images, sha256: string) {
  const preview = await previewOfFrame(pool, sha256);
  const bytes = preview && (await images.get(sha256));
  return preview && bytes ? { bytes, mime: preview.mime } : undefined;
}

function commandRow(row: CommandView): CommandRow {
  return {
    commandId: row.commandId,
    idempotencyKey: row.idempotencyKey,
    type: row.type,
    sessionId: row.sessionId,
    editor: row.editor,
    actor: row.actor ?? '',
    state: row.state,
    attempts: row.attempts,
    acceptedAt: row.acceptedAt?.toISOString() ?? null,
    startedAt: row.startedAt?.toISOString() ?? null,
    finishedAt: row.finishedAt?.toISOString() ?? null,
    errorCode: row.errorCode,
    result: row.result ?? row.error,
  };
}
