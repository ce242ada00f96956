import type pg from 'pg';
import type { Queryable } from '../../postgres/transaction.js';
import type { TableName } from '../readModels.js';
import { readTables } from '../slots/readTables.js';
import { atOnePlace } from './cutLive.js';
import { recordCut } from './cuts.js';
import { type DropOptions, dropPartition } from './dropPartition.js';
import { type FoundPartition, listPartitions, PARTITIONS_RULE } from './partitionCut.js';
import { withoutRebuild } from './withoutRebuild.js';

export type PartitionDropOptions = DropOptions;

export interface DroppedPartitions {
  readonly dropped: readonly FoundPartition[];
  readonly postponed: readonly FoundPartition[];
  /** Rows deleted one by one, because their partition reaches over the cut. */
  readonly rows: Readonly<Partial<Record<TableName, number>>>;
}

/** The partitions that readers see, oldest first. */
export async function livePartitions(db: Queryable): Promise<FoundPartition[]> {
  const tables = await readTables(db);
  return (await listPartitions(db)).filter(
    (part) => part.state === 'attached' && tables.schemaOf(part.parent) === part.schema,
  );
}

/** Decides that rows of partitioned tables of before this moment are gone; the partitions go afterwards, however often it takes. */
export async function cutPartitions(client: pg.ClientBase, cutMs: number): Promise<void> {
  for (let kept = false; !kept; ) {
    kept =
      (await atOnePlace(client, async (log) => {
        const before = new Date(cutMs).toISOString();
        if ((await cutBelow(client, log.streamCreated)) < cutMs) {
          const cut = { atSeq: log.lastSeq, rule: PARTITIONS_RULE, before, sliceEnd: before };
          await recordCut(client, log.streamCreated, cut, 0);
        }
        return true;
      })) === true;
  }
}

/** Rows of partitioned tables of before this moment (epoch ms) are cut away; 0: none are. */
export async function cutBelow(db: Queryable, streamCreated: string): Promise<number> {
  const { rows } = await db.query<{ before_ms: number | null }>(
    `SELECT extract(epoch FROM max(before))::float8 * 1000 AS before_ms FROM spark.retention_cuts
     WHERE rule = $1 AND stream_created = $2`,
    [PARTITIONS_RULE, streamCreated],
  );
  return rows[0]?.before_ms ?? 0;
}

/** Drops what lies below the last cut, in both slots; in the one that is not live only while nobody rebuilds it. */
export async function dropCutPartitions(
  client: pg.ClientBase,
  options: PartitionDropOptions,
): Promise<DroppedPartitions> {
  const { rows: checkpoint } = await client.query<{ stream_created: string }>(
    `SELECT stream_created FROM spark.checkpoints WHERE name = 'log'`,
  );
  const cutMs = await cutBelow(client, checkpoint[0]?.stream_created ?? '');
  const tables = await readTables(client);
  const below = (await listPartitions(client)).filter((part) => part.toMs <= cutMs);
  const isLive = (part: FoundPartition): boolean => tables.schemaOf(part.parent) === part.schema;
  const dropped: FoundPartition[] = [];
  const postponed: FoundPartition[] = [];
  const dropAll = async (parts: readonly FoundPartition[]): Promise<void> => {
    for (const part of unfinishedFirst(parts)) {
      options.signal.throwIfAborted();
      // A table can have one partition on its way out at a time.
      const held = postponed.some(({ schema, parent }) => schema === part.schema && parent === part.parent);
      (!held && (await dropPartition(part, options)) ? dropped : postponed).push(part);
    }
  };
  await dropAll(below.filter(isLive));
  const idle = below.filter((part) => !isLive(part));
  if (idle.length > 0) await withoutRebuild(client, () => dropAll(idle));
  return { dropped, postponed, rows: await deleteRests(client, cutMs) };
}

function unfinishedFirst(parts: readonly FoundPartition[]): readonly FoundPartition[] {
  const isNew = (part: FoundPartition): number => (part.state === 'attached' ? 1 : 0);
  return [...parts].sort((a, b) => isNew(a) - isNew(b));
}

/** Where a live partition reaches over the cut (a table whose days are not cut into hours as others are). */
async function deleteRests(
  client: pg.ClientBase,
  cutMs: number,
): Promise<Partial<Record<TableName, number>>> {
  const rows: Partial<Record<TableName, number>> = {};
  for (const part of await livePartitions(client)) {
    if (part.fromMs >= cutMs || part.toMs <= cutMs) continue;
    const { rowCount } = await client.query(
      `DELETE FROM ${part.schema}.${part.parent} WHERE ts >= $1 AND ts < $2`,
      [new Date(part.fromMs).toISOString(), new Date(cutMs).toISOString()],
    );
    rows[part.parent] = (rows[part.parent] ?? 0) + (rowCount ?? 0);
  }
  return rows;
}
