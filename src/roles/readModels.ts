import type { Clock } from '../core/clock.js';
import { pause } from '../core/clock.js';
import type { CommandRow, ReadAnswer, ReadModels, ReadSource } from '../http/readPort.js';
import type { PostgresPools } from '../postgres/pools.js';
import { type CommandView, commandById, listCommands } from '../projections/commands/queries.js';
import { sessionEventsAfter } from '../projections/events/queries.js';
import { freshness } from '../projections/freshness.js';
import { previewOfFrame } from '../projections/previews/queries.js';
import { createSeqWaiter } from '../projections/seqWaiter.js';
import { deadLetterReads } from './deadLetterReads.js';
import { operationReads } from './operationReads.js';

interface Images {
  get(sha256: string): Promise<Uint8Array | undefined>;
}

type Pool = PostgresPools['primary'];
export type Read = <T>(query: (pool: Pool) => Promise<T>) => Promise<ReadAnswer<T>>;

/** What HTTP reads, from the replica; when that one is away, from the primary: reads are stale at worst, never gone while one lives. */
export function createReadModels(pools: PostgresPools, images: Images, clock: Clock): ReadModels {
  const read: Read = async (query) => {
    if (pools.hasReplica) {
      try {
        return { data: await query(pools.replica), source: 'replica' };
      } catch {
        // The replica is away: the primary knows at least as much.
      }
    }
    return { data: await query(pools.primary), source: 'primary' };
  };
  return {
    ...commandReads(read),
    ...positionReads(pools, clock),
    sessionEventsAfter: async (sessionId, afterSeq, limit, source) => {
      const query = (pool: Pool) => sessionEventsAfter(pool, { sessionId, afterSeq, limit });
      return source === undefined ? read(query) : { data: await query(pools[source]), source };
    },
    ...operationReads(read),
    frame: (sha256) => read((pool) => frame(pool, images, sha256)),
    ...deadLetterReads(read),
  };
}

function commandReads(read: Read): Pick<ReadModels, 'commandById' | 'listCommands'> {
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
  };
}

function positionReads(pools: PostgresPools, clock: Clock): Pick<ReadModels, 'freshness' | 'waitForSeq'> {
  const source: ReadSource = pools.hasReplica ? 'replica' : 'primary';
  const waiters = {
    replica: createSeqWaiter(pools.replica, clock),
    primary: createSeqWaiter(pools.primary, clock),
  };
  // A server that does not answer has not reached it: the caller goes on to the next one.
  const reached = (server: ReadSource, seq: number, timeoutMs: number) =>
    waiters[server].waitForSeq(seq, timeoutMs).catch(() => false);
  return {
    freshness: async () => {
      const { replicaSeq, primarySeq, replicaTsMs } = await freshness(pools);
      const level = replicaSeq !== null && replicaSeq === primarySeq;
      const ageMs = replicaTsMs === null ? null : Math.max(0, clock.nowMs() - replicaTsMs);
      return { data: { appliedSeq: replicaSeq ?? 0, lagMs: level ? 0 : ageMs }, source };
    },
    waitForSeq: async (seq, timeoutMs, signal) => {
      if (await orAborted(reached('replica', seq, timeoutMs), signal, clock, timeoutMs))
        return { reached: true, source };
      const onPrimary = pools.hasReplica && !signal.aborted && (await reached('primary', seq, 250));
      return { reached: onPrimary, source: 'primary' };
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
