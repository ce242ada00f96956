import type pg from 'pg';
import { streamSeqOf } from '../../events/event.js';
import { inTransaction } from '../../postgres/transaction.js';
import { endOfMessage } from '../logPosition.js';
import { readTables } from '../slots/readTables.js';
import { lockLog } from '../slots/switch.js';
import type { Tables } from '../slots/tables.js';
import { recordCut } from './cuts.js';
import { deleteFoundImages, findUnnamedImages, IMAGES_RULE } from './images.js';
import { deleteSlice, findSlice, type RowRule } from './rules.js';

/** Rows of one cut: about 60 ms in which no batch of the projector can commit. */
const SLICE_ROWS = 5_000;
/** Images are large: fewer at once. */
const SLICE_IMAGES = 1_000;

/** Where the log stands while its checkpoint is locked. */
export interface LockedLog {
  readonly lastSeq: number;
  readonly lastTsMs: number | null;
  readonly streamCreated: string;
}

/**
 * Runs `work` between two batches of the projector: what it cuts is cut at one place of the log. Undefined when the log stands inside a
 * message (a poison event is being singled out): come back in a moment.
 */
export async function atOnePlace<T>(
  client: pg.ClientBase,
  work: (log: LockedLog, tables: Tables) => Promise<T>,
): Promise<T | undefined> {
  return inTransaction(client, async () => {
    const log = await lockLog(client);
    if (log.lastSeq !== 0 && log.lastSeq !== endOfMessage(streamSeqOf(log.lastSeq))) return undefined;
    return work(log, await readTables(client));
  });
}

/**
 * Deletes the oldest rows that a rule lets go before this moment (ISO time), a few thousand. The search goes ahead of the lock. Answers how
 * many went; 0: none are left. Undefined: not now.
 */
export async function cutRows(
  client: pg.ClientBase,
  rule: RowRule,
  before: string,
  sliceRows: number = SLICE_ROWS,
): Promise<number | undefined> {
  const live = await readTables(client);
  if (!live.has(rule.table)) return 0;
  const found = await client.query<{ slice_end: string | null }>(findSlice(rule, live), [before, sliceRows]);
  const sliceEnd = found.rows[0]?.slice_end ?? null;
  if (sliceEnd === null) return 0;
  return atOnePlace(client, async (log, tables) => {
    const { rowCount } = await client.query(deleteSlice(rule, tables), [before, sliceEnd]);
    const rows = rowCount ?? 0;
    const cut = { atSeq: log.lastSeq, rule: rule.name, before, sliceEnd };
    if (rows > 0) await recordCut(client, log.streamCreated, cut, rows);
    return rows;
  });
}

/** Whether operations or scripts went since images were looked through last. */
export async function imagesAreDue(client: pg.ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ due: boolean }>(
    `SELECT coalesce(max(id) FILTER (WHERE rule <> $1), 0) > coalesce(max(id) FILTER (WHERE rule = $1), 0) AS due
     FROM spark.retention_cuts WHERE rule IN ($1, 'spark_operations', 'spark_generated_scripts')`,
    [IMAGES_RULE],
  );
  return rows[0]?.due === true;
}

/**
 * Deletes the images that no row names. They are looked for ahead of the lock; what the log has come to name since stays. A projector has
 * stored images of its next batch already and takes them for there: a new `slots_version` makes it look again. Answers how many went.
 */
export async function cutImages(client: pg.ClientBase, before: string): Promise<number> {
  const stood = await inTransaction(client, async () => {
    await client.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const { rows } = await client.query<{ last_seq: string }>(
      `SELECT last_seq FROM spark.checkpoints WHERE name = 'log'`,
    );
    return {
      seq: Number(rows[0]?.last_seq ?? 0),
      shas: await findUnnamedImages(client, await readTables(client)),
    };
  });
  let deleted = 0;
  for (let from = 0; from === 0 || from < stood.shas.length; from += SLICE_IMAGES) {
    const shas = stood.shas.slice(from, from + SLICE_IMAGES);
    const went = await atOnePlace(client, async (log, tables) => {
      const rows = await deleteFoundImages(client, tables, shas, stood.seq);
      if (rows > 0)
        await client.query(
          `UPDATE spark.checkpoints SET slots_version = slots_version + 1 WHERE name = 'log'`,
        );
      const cut = { atSeq: log.lastSeq, rule: IMAGES_RULE, before, sliceEnd: before };
      await recordCut(client, log.streamCreated, cut, rows);
      return rows;
    });
    if (went === undefined) return deleted; // the search is repeated at the next run
    deleted += went;
  }
  return deleted;
}
