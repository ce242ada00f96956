import { boundsOf, type PartitionBounds } from '../../postgres/partitions.js';
import type { Queryable } from '../../postgres/transaction.js';
import { READ_MODELS, type TableName } from '../readModels.js';
import { type Slot, schemaOfSlot } from '../slots/slot.js';

/** The rule of everything that is partitioned by time: rows of before a moment are gone, all of them. */
export const PARTITIONS_RULE = 'partitions';

const SLOTS: readonly Slot[] = ['blue', 'green'];

export const PARTITIONED: readonly TableName[] = READ_MODELS.filter((model) => model.partitionedByDay).map(
  ({ table }) => table,
);

/** `attached`: in use. `pending`: readers that begin now do not see it, a detach was cut off. `loose`: detached, to be dropped. */
export interface FoundPartition extends PartitionBounds {
  readonly slot: Slot;
  readonly schema: string;
  readonly parent: TableName;
  readonly oid: number;
  readonly state: 'attached' | 'pending' | 'loose';
  readonly bytes: number;
}

interface Row {
  schema: string;
  parent: TableName;
  name: string;
  oid: number;
  state: FoundPartition['state'];
  bytes: string;
}

/** By name, because what a cut-off drop has left is no child of its parent any more. */
const LIST = `
  SELECT n.nspname AS schema, parent.name AS parent, c.relname AS name, c.oid::int AS oid, pg_total_relation_size(c.oid) AS bytes,
    CASE WHEN i.inhrelid IS NULL THEN 'loose' WHEN i.inhdetachpending THEN 'pending' ELSE 'attached' END AS state
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN unnest($2::text[]) AS parent(name) ON c.relname ~ ('^' || parent.name || '_[0-9]{8}([0-9]{2})?$')
  LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
  WHERE n.nspname = ANY ($1::text[]) AND c.relkind = 'r'
  ORDER BY c.relname, n.nspname`;

/** Every partition of both slots, oldest first. */
export async function listPartitions(db: Queryable): Promise<FoundPartition[]> {
  const { rows } = await db.query<Row>(LIST, [SLOTS.map(schemaOfSlot), PARTITIONED]);
  return rows
    .flatMap((row) => {
      const bounds = boundsOf(row.parent, row.name);
      const slot = SLOTS.find((each) => schemaOfSlot(each) === row.schema);
      return bounds && slot ? [{ ...row, ...bounds, slot, bytes: Number(row.bytes) }] : [];
    })
    .sort((a, b) => a.fromMs - b.fromMs || (a.schema < b.schema ? -1 : 1));
}

/**
 * Pure: the moment to cut at for an age: the last end of a live partition that is not above `agedMs`, so that whole partitions go.
 * Undefined when nothing lies before it.
 */
export function cutByAge(partitions: readonly PartitionBounds[], agedMs: number): number | undefined {
  const ends = partitions.map(({ toMs }) => toMs).filter((toMs) => toMs <= agedMs);
  return ends.length === 0 ? undefined : Math.max(...ends);
}

/**
 * Pure: the moment to cut at for want of room: the end of the oldest partitions, as long as it lies behind the newest projected event: what
 * is being written stays, however much it weighs.
 */
export function cutBySize(
  partitions: readonly PartitionBounds[],
  weight: { readonly bytes: number; readonly maxBytes: number },
  projectedMs: number,
): number | undefined {
  if (weight.bytes <= weight.maxBytes) return undefined;
  const ends = partitions.map(({ toMs }) => toMs).filter((toMs) => toMs <= projectedMs);
  return ends.length === 0 ? undefined : Math.min(...ends);
}
