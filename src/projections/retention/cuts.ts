import type { Queryable } from '../../postgres/transaction.js';
import type { Tables } from '../slots/tables.js';
import { deleteUnnamedImages, IMAGES_RULE } from './images.js';
import { PARTITIONS_RULE } from './partitionCut.js';
import { deleteSlice, ruleByName } from './rules.js';

/** What retention took out of the live read models, at its place in the log. Times are Postgres's texts: they keep the microseconds. */
export interface RetentionCut {
  readonly id: number;
  /** A checkpoint of the log: what lies up to here was folded, what lies behind was not. */
  readonly atSeq: number;
  readonly rule: string;
  readonly before: string;
  readonly sliceEnd: string;
}

interface Row {
  id: string;
  at_seq: string;
  rule: string;
  before: string;
  slice_end: string;
}

/** The cuts at or after a place of this log, in the order they were made. */
export async function cutsFrom(
  db: Queryable,
  streamCreated: string,
  fromSeq: number,
): Promise<RetentionCut[]> {
  const { rows } = await db.query<Row>(
    `SELECT id, at_seq, rule, before::text, slice_end::text FROM spark.retention_cuts
     WHERE at_seq >= $1 AND stream_created = $2 ORDER BY at_seq, id`,
    [fromSeq, streamCreated],
  );
  return rows.map((row) => ({
    id: Number(row.id),
    atSeq: Number(row.at_seq),
    rule: row.rule,
    before: row.before,
    sliceEnd: row.slice_end,
  }));
}

/** Keeps word of a cut, in the transaction that makes it. */
export async function recordCut(
  db: Queryable,
  streamCreated: string,
  cut: Omit<RetentionCut, 'id'>,
  rows: number,
): Promise<void> {
  await db.query(
    `INSERT INTO spark.retention_cuts (stream_created, at_seq, rule, before, slice_end, rows)
     VALUES ($1, $2, $3, $4::timestamptz, $5::timestamptz, $6)`,
    [streamCreated, cut.atSeq, cut.rule, cut.before, cut.sliceEnd, rows],
  );
}

/**
 * Makes cuts in tables that stand at their place: everything up to `atSeq` folded, nothing behind it. Cutting twice at one place is
 * cutting once. A cut of a table that is not among these is passed over. Answers whether images went: a writer that has stored
 * images ahead of its next batch has to look again.
 */
export async function applyCuts(
  db: Queryable,
  tables: Tables,
  cuts: readonly RetentionCut[],
): Promise<{ readonly imagesWent: boolean }> {
  let imagesWent = false;
  for (const cut of cuts) {
    if (cut.rule === IMAGES_RULE) {
      if (tables.has('spark_images')) imagesWent = (await deleteUnnamedImages(db, tables)) > 0 || imagesWent;
    } else if (cut.rule === PARTITIONS_RULE) {
      for (const table of tables.partitioned)
        await db.query(`DELETE FROM ${table} WHERE ts < $1`, [cut.before]);
    } else {
      const rule = ruleByName.get(cut.rule);
      if (rule && tables.has(rule.table))
        await db.query(deleteSlice(rule, tables), [cut.before, cut.sliceEnd]);
    }
  }
  return { imagesWent };
}

/** Pure: the first place after `fromSeq` at which a fold has to stop and cut; undefined: it may go on as far as it likes. */
export function nextStop(cuts: readonly RetentionCut[], fromSeq: number): number | undefined {
  return cuts.find((cut) => cut.atSeq > fromSeq)?.atSeq;
}
