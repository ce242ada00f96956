import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/core/clock.js';
import { cutImages, cutRows, imagesAreDue } from '../../../src/projections/retention/cutLive.js';
import { cutLetters } from '../../../src/projections/retention/letters.js';
import { KEPT_OPERATIONS, ruleByName } from '../../../src/projections/retention/rules.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.js';
import { DAY_MS, type RetentionRig, retentionRig } from '../../support/retentionRig.js';
import { command, completed, fileImage, operationOf, STORY_BEGAN_MS, started } from '../../support/story.js';

let db: TestDatabase;
let rig: RetentionRig;

beforeAll(async () => {
  db = await createTestDatabase();
  rig = retentionRig(db);
  await rig.projector.start();
});

afterAll(async () => {
  await rig.projector.stop();
  await rig.owner.end();
  await db.drop();
});

const CONTENT = 'class Again {}';
const before = new Date(STORY_BEGAN_MS + 20 * DAY_MS).toISOString();
const hasImage = async (): Promise<boolean> =>
  (await db.admin.query('SELECT FROM spark.spark_images WHERE sha256 = $1', [fileImage(CONTENT).sha256]))
    .rowCount === 1;

/** Resolves when so many sessions of this database wait for a lock. */
async function untilWaiting(sessions: number): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    const { rows } = await db.admin.query(
      `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    if (rows[0].n >= sessions) return;
    await systemClock.sleep(25);
  }
  throw new Error('they do not wait');
}

describe('images', () => {
  it('given a projector that takes an image for stored, and a clean-up that deletes it just before the batch that names it, then it is stored again', async () => {
    rig.change('s', 0, { text: CONTENT });
    for (let i = 0; i < KEPT_OPERATIONS; i++) rig.change('s', 1);
    await rig.caughtUp();
    const client = await db.pool('spark_projector').connect();
    const rule = ruleByName.get('spark_operations');
    if (rule === undefined) throw new Error('no such rule');
    expect(await cutRows(client, rule, before)).toBe(1);
    // With its script row nothing names it any more.
    const scripts = ruleByName.get('spark_generated_scripts');
    if (scripts === undefined) throw new Error('no such rule');
    await cutRows(client, scripts, before);
    expect([await hasImage(), await imagesAreDue(client)]).toEqual([true, true]);

    const holder = await db.admin.connect();
    await holder.query(`BEGIN; SELECT FROM spark.checkpoints WHERE name = 'log' FOR UPDATE`);
    const cleaning = cutImages(client, before);
    await untilWaiting(1);
    rig.change('s', 30, { text: CONTENT });
    await untilWaiting(2);
    await holder.query('COMMIT');
    holder.release();

    expect(await cleaning).toBe(2);
    await rig.caughtUp();
    expect(await hasImage()).toBe(true);
    expect(rig.errors).toEqual([]);
    expect(await imagesAreDue(client)).toBe(false);
    client.release();
  });

  it('given an image that a batch has come to name after it was found without a name, then it stays', async () => {
    for (let i = 0; i < KEPT_OPERATIONS + 1; i++)
      rig.change('t', i === 0 ? 2 : 3, i === 0 ? { text: 'class T {}' } : {});
    await rig.caughtUp();
    const client = await db.pool('spark_projector').connect();
    for (const name of ['spark_operations', 'spark_generated_scripts']) {
      const rule = ruleByName.get(name);
      if (rule) await cutRows(client, rule, before);
    }
    const story = command({ sessionId: 't' });
    rig.log.append([started(story)], STORY_BEGAN_MS + 31 * DAY_MS);
    await rig.caughtUp();
    const holder = await db.admin.connect();
    await holder.query(`BEGIN; SELECT FROM spark.checkpoints WHERE name = 'log' FOR UPDATE`);
    const operation = operationOf(story, null, 'class T {}');
    rig.log.append(
      [completed(story, { change: { direction: 'apply', operation } })],
      STORY_BEGAN_MS + 31 * DAY_MS + 1,
    );
    await untilWaiting(1);
    const cleaning = cutImages(client, before);
    await untilWaiting(2);
    await holder.query('COMMIT');
    holder.release();
    // Of the other session one more went, with its two images.
    expect(await cleaning).toBe(2);
    const { rowCount } = await db.admin.query('SELECT FROM spark.spark_images WHERE sha256 = $1', [
      fileImage('class T {}').sha256,
    ]);
    expect(rowCount).toBe(1);
    client.release();
  });
});

describe('dead letters of the stream', () => {
  it('given old ones, then those that were redriven or dropped go with what was done about them, and open ones stay', async () => {
    const insert = (id: number, ts: string, state: string) =>
      db.admin.query(
        `INSERT INTO spark.stream_dead_letters (source, id, ts, reason, attempts, last_error, original_subject, headers, body,
           body_encoding, body_truncated, stream_seq, stream_index, state)
         VALUES ('stream', $1, $2, 'malformed', 1, 'x', 'y', '{}', '', 'utf8', false, $1, 0, $3)`,
        [id, ts, state],
      );
    await insert(1, '2026-03-01T00:00:00Z', 'open');
    await insert(2, '2026-03-01T00:00:00Z', 'dropped');
    await insert(3, '2026-03-01T00:00:00Z', 'redriven');
    await insert(4, '2026-06-01T00:00:00Z', 'dropped');
    await db.admin.query(
      `INSERT INTO spark.spark_dead_letter_actions (seq, ts, letter_id, action, actor)
       SELECT id, ts + interval '1 hour', id, state, 'me' FROM spark.stream_dead_letters WHERE state <> 'open'`,
    );
    const client = await db.pool('spark_projector').connect();
    expect(await cutLetters(client, before)).toBe(2);
    client.release();
    const left = await db.admin.query('SELECT id::int FROM spark.stream_dead_letters ORDER BY id');
    expect(left.rows).toEqual([{ id: 1 }, { id: 4 }]);
    const actions = await db.admin.query('SELECT letter_id::int FROM spark.spark_dead_letter_actions');
    expect(actions.rows).toEqual([{ letter_id: 4 }]);
  });
});
