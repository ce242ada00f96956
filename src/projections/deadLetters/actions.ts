import { jsonbText } from '../../postgres/jsonText.js';
import type { Queryable } from '../../postgres/transaction.js';
import type { DeadLetterAction } from '../ports.js';

export interface StoredAction {
  readonly streamSeq: number;
  readonly tsMs: number;
  readonly action: DeadLetterAction;
}

/**
 * Letters and actions come by two streams with two checkpoints, each transaction blind to what the other has not committed. Taken first,
 * this lock makes one follow the other, so that whoever comes second sees both.
 */
const LOCK = `SELECT pg_advisory_xact_lock(hashtextextended('spark.dead_letters', 0))`;

const INSERT = `INSERT INTO spark.spark_dead_letter_actions (seq, ts, letter_id, action, actor, command_id, redrive, payload_sha)
  SELECT seq, ts, letter_id, action, actor, command_id, redrive, payload_sha
  FROM jsonb_to_recordset($1::jsonb)
    AS actions(seq bigint, ts timestamptz, letter_id bigint, action text, actor text, command_id uuid, redrive int, payload_sha text)
  ORDER BY seq
  ON CONFLICT (seq) DO NOTHING`;

/** A letter is in the state of its last action; of a redrive that was told twice the first telling counts. */
const REFRESH = `UPDATE spark.stream_dead_letters letter
  SET state = done.state, acted_by = done.acted_by, redrives = done.redrives,
      redriven_at = done.redriven_at, redriven_as = done.redriven_as, dropped_at = done.dropped_at
  FROM (
    SELECT letter_id,
      (array_agg(action ORDER BY seq DESC))[1] AS state,
      (array_agg(actor ORDER BY seq DESC))[1] AS acted_by,
      coalesce(max(redrive), 0) AS redrives,
      (array_agg(ts ORDER BY redrive DESC, seq) FILTER (WHERE action = 'redriven'))[1] AS redriven_at,
      (array_agg(command_id ORDER BY redrive DESC, seq) FILTER (WHERE action = 'redriven'))[1] AS redriven_as,
      min(ts) FILTER (WHERE action = 'dropped') AS dropped_at
    FROM spark.spark_dead_letter_actions WHERE letter_id = ANY($1::bigint[]) GROUP BY letter_id
  ) done
  WHERE letter.source = 'stream' AND letter.id = done.letter_id`;

export async function lockDeadLetters(db: Queryable): Promise<void> {
  await db.query(LOCK);
}

/** Gives the letters of these sequences the state their actions say; those without an action stay open. */
export async function refreshLetterStates(db: Queryable, letterIds: readonly number[]): Promise<void> {
  await db.query(REFRESH, [letterIds]);
}

export async function writeDeadLetterActions(db: Queryable, actions: readonly StoredAction[]): Promise<void> {
  const rows = actions.map(({ streamSeq, tsMs, action }) => ({
    seq: streamSeq,
    ts: new Date(tsMs).toISOString(),
    letter_id: action.letterId,
    action: action.action,
    actor: action.actor,
    command_id: action.newCommandId ?? null,
    redrive: action.redrive ?? null,
    payload_sha: action.payloadSha ?? null,
  }));
  if (rows.length === 0) return;
  await lockDeadLetters(db);
  await db.query(INSERT, [jsonbText(rows)]);
  await refreshLetterStates(db, [...new Set(actions.map(({ action }) => action.letterId))]);
}
