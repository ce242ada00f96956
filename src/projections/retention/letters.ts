import type pg from 'pg';
import { inTransaction } from '../../postgres/transaction.js';
import { lockDeadLetters } from '../deadLetters/actions.js';

const LETTERS = `DELETE FROM spark.stream_dead_letters WHERE ts < $1 AND state <> 'open'`;
/** Young actions may belong to a letter that is still to be read: the two streams are projected side by side. */
const ACTIONS = `DELETE FROM spark.spark_dead_letter_actions done WHERE done.ts < $1
  AND NOT EXISTS (SELECT FROM spark.stream_dead_letters letter WHERE letter.id = done.letter_id)`;

/**
 * Deletes dead letters of before a moment (ISO time) that somebody has redriven or dropped, and what was done about them; open ones stay.
 * They are no fold of the log, so no cut is recorded. Answers how many letters went.
 */
export async function cutLetters(client: pg.ClientBase, before: string): Promise<number> {
  return inTransaction(client, async () => {
    await lockDeadLetters(client);
    const { rowCount } = await client.query(LETTERS, [before]);
    await client.query(ACTIONS, [before]);
    return rowCount ?? 0;
  });
}
