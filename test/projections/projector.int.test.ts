import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { eventIdOf } from '../../src/core/ids.js';
import type { NotedEvent } from '../../src/events/event.js';
import { EVENT_VERSION } from '../../src/events/event.js';
import { commandById, listCommands } from '../../src/projections/commands/queries.js';
import { listDeadLetters } from '../../src/projections/deadLetters/queries.js';
import { digestReadModels } from '../../src/projections/digest.js';
import { sessionEventsAfter } from '../../src/projections/events/queries.js';
import { listOperations } from '../../src/projections/operations/queries.js';
import { rebuild } from '../../src/projections/rebuild/rebuild.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { projectorRig, type Rig } from '../support/projectorRig.js';
import { imageContent, sessionRow } from '../support/rows.js';
import {
  type CommandStory,
  command,
  completed,
  envelopeOf,
  failed,
  imageContents,
  operationOf,
  STORY_BEGAN_MS,
  started,
} from '../support/story.js';

const NOT_IN_THIS_LOG = new Set([
  'spark_previews',
  'rollup_previews_minute',
  'spark_build_jobs',
  'audit_acts',
]);

/** What a service used for a command, told beside it. */
function usedBy(story: CommandStory): NotedEvent {
  return {
    ...{
      v: EVENT_VERSION,
      kind: 'noted',
      type: 'usage.reported',
      eventId: eventIdOf(story.commandId, 'usage.reported'),
    },
    ...{ commandId: story.commandId, sessionId: story.sessionId, editor: story.editor },
    timestamp: new Date(STORY_BEGAN_MS).toISOString(),
    note: { kind: 'usage', model: 'm', inputTokens: 7, outputTokens: 3, costUsd: 0.000125 },
  };
}

const databases: TestDatabase[] = [];
let db: TestDatabase;
let rig: Rig;

beforeEach(async () => {
  db = await createTestDatabase();
  databases.push(db);
  rig = projectorRig(db.pool('spark_projector'));
});

afterEach(async () => {
  await rig.projector.stop();
});

afterAll(async () => {
  for (const each of databases) await each.drop();
});

describe('a command through its life', () => {
  it('given a started and a completed change, then every read model tells of it', async () => {
    const story = command();
    const operation = operationOf(story, null, 'class Player {}');
    rig.images.add(imageContents('class Player {}'));
    rig.log.append([started(story), completed(story, { change: { direction: 'apply', operation } })]);
    await rig.projector.start();
    await rig.caughtUp();

    const reader = db.pool('spark_ingest');
    expect(await commandById(reader, story.commandId)).toMatchObject({
      state: 'completed',
      type: 'unity.generate_script',
      idempotencyKey: `key-${story.commandId}`,
      actor: 'agent-7',
      attempts: 1,
      acceptedAt: new Date(STORY_BEGAN_MS - 40),
      startedAt: new Date(STORY_BEGAN_MS + 1),
      finishedAt: new Date(STORY_BEGAN_MS + 1),
      result: { path: 'Assets/Player.cs' },
      errorCode: null,
    });
    const events = await sessionEventsAfter(reader, { sessionId: 'session-1', afterSeq: 0, limit: 10 });
    expect(events.map((each) => each.event)).toEqual([
      started(story),
      completed(story, { change: { direction: 'apply', operation } }),
    ]);
    expect(events.map((each) => [each.seq, each.partition])).toEqual([
      [1_024, 3],
      [1_025, 3],
    ]);
    expect(await listOperations(reader, { sessionId: 'session-1', limit: 5 })).toMatchObject([
      { operationId: operation.operationId, state: 'applied', beforeSha256: null, path: 'Assets/Player.cs' },
    ]);
    const bytes = await imageContent(reader, operation.after?.sha256 ?? '');
    expect(Buffer.from(bytes ?? []).toString()).toBe('class Player {}');
    expect(await sessionRow(reader, 'session-1')).toMatchObject({
      commands: 1,
      completed: 1,
      started: 0,
      events: 2,
      editors: ['default'],
    });
    const { rows } = await reader.query('SELECT name, status, duration_ms FROM spark.spark_function_calls');
    expect(rows).toEqual([{ name: 'generate_unity_script', status: 'success', duration_ms: 12.5 }]);
    const scripts = await reader.query(
      'SELECT action, path, sha256, bytes FROM spark.spark_generated_scripts',
    );
    expect(scripts.rows).toEqual([
      { action: 'generate', path: 'Assets/Player.cs', sha256: operation.after?.sha256, bytes: 15 },
    ]);
  });

  it('given events in separate batches, then later events of a finished command change nothing', async () => {
    const story = command();
    await rig.projector.start();
    for (const event of [started(story), failed(story, 'conflict'), completed(story), started(story)]) {
      rig.log.append([event]);
      await rig.caughtUp();
    }
    expect(await commandById(db.admin, story.commandId)).toMatchObject({
      state: 'conflict',
      errorCode: 'code_conflict',
      result: null,
    });
    expect(await sessionRow(db.admin, 'session-1')).toMatchObject({
      commands: 1,
      conflict: 1,
      completed: 0,
      started: 0,
      events: 4,
    });
  });

  it('given a rejected command without a start, then its envelope fills the row and no call is counted', async () => {
    const story = command();
    rig.log.append([
      failed(story, 'rejected', { durationMs: null, attempts: 0, envelope: envelopeOf(story) }),
    ]);
    await rig.projector.start();
    await rig.caughtUp();
    expect(await listCommands(db.admin, { states: ['rejected'], limit: 5 })).toMatchObject([
      { commandId: story.commandId, actor: 'agent-7', startedAt: null, attempts: 0 },
    ]);
    expect((await db.admin.query('SELECT FROM spark.spark_function_calls')).rowCount).toBe(0);
  });

  it('given a start in an earlier batch, then a cancelled command counts as a call', async () => {
    const story = command();
    await rig.projector.start();
    rig.log.append([started(story)]);
    await rig.caughtUp();
    rig.log.append([failed(story, 'cancelled', { durationMs: null })]);
    await rig.caughtUp();
    const { rows } = await db.admin.query(
      'SELECT status, outcome, duration_ms FROM spark.spark_function_calls',
    );
    expect(rows).toEqual([{ status: 'error', outcome: 'cancelled', duration_ms: null }]);
  });

  it('given undo, redo and a conflict, then the operation follows', async () => {
    const story = command();
    const operation = operationOf(story, 'a', 'b');
    await rig.projector.start();
    const states: unknown[] = [];
    for (const event of [
      completed(story, { change: { direction: 'apply', operation } }),
      completed(command({ type: 'session.undo' }), { change: { direction: 'undo', operation } }),
      completed(command({ type: 'session.redo' }), { change: { direction: 'redo', operation } }),
      failed(command({ type: 'session.undo' }), 'conflict', { operationId: operation.operationId }),
    ]) {
      rig.log.append([event]);
      await rig.caughtUp();
      states.push((await listOperations(db.admin, { limit: 1 }))[0]?.state);
    }
    expect(states).toEqual(['applied', 'undone', 'applied', 'conflict']);
  });
});

describe('poison', () => {
  it('given events that no table can hold among good ones, then each is a dead letter and the rest is projected', async () => {
    const good = Array.from({ length: 40 }, () => command());
    for (const [i, story] of good.entries()) {
      rig.log.append([started(story)]);
      if (i === 7) rig.log.append([{ ...started(command()), eventId: 'not-a-uuid' }]);
      // Only Postgres can tell: an index holds no such long text.
      if (i === 20)
        rig.log.append([{ ...started(command()), sessionId: randomBytes(20_000).toString('base64') }]);
      if (i === 30) rig.log.appendRaw('{"v":1,"events":[null]}');
      if (i === 31) rig.log.appendRaw('not json');
    }
    await rig.projector.start();
    await rig.caughtUp();
    const letters = await listDeadLetters(db.admin, { limit: 10 });
    expect(letters.map((letter) => [letter.source, letter.reason])).toEqual([
      ['projector', 'unreadable_event'],
      ['projector', 'unreadable_event'],
      ['projector', 'poison_event'],
      ['projector', 'poison_event'],
    ]);
    expect((await db.admin.query('SELECT FROM spark.spark_commands')).rowCount).toBe(40);
    expect(rig.batches.reduce((sum, batch) => sum + batch.poisoned, 0)).toBe(4);
  });

  it('given text that Postgres does not know (NUL, half a surrogate pair), then it is kept as U+FFFD', async () => {
    const story = command();
    rig.log.append([failed(story, 'failed', { error: { code: 'odd', message: 'a\0b\ud800c' } })]);
    await rig.projector.start();
    await rig.caughtUp();
    expect(await commandById(db.admin, story.commandId)).toMatchObject({
      error: { message: 'a\ufffdb\ufffdc' },
    });
  });

  it('given events of a newer version, then it stops and says what to do, with everything before projected', async () => {
    const story = command();
    rig.log.append([started(story)]);
    await rig.projector.start();
    await rig.caughtUp();
    rig.log.appendRaw(JSON.stringify({ v: 1, events: [{ ...started(command()), v: EVENT_VERSION + 1 }] }));
    await expect(rig.caughtUp()).rejects.toMatchObject({ code: 'newer_events' });
    expect(rig.projector.state).toBe('failed');
    expect(await commandById(db.admin, story.commandId)).toBeDefined();
  });
});

describe('rebuilding', () => {
  it('given a log with every kind of event, then the rebuilt read models equal the live ones row for row', async () => {
    const texts: (string | null)[] = [null, 'one', 'two', null];
    await rig.projector.start();
    for (let i = 0; i < 60; i++) {
      const story = command({ sessionId: `session-${i % 7}`, editor: `editor-${i % 3}` });
      const [before = null, after = null] = [texts[i % 4], texts[(i + 1) % 4]];
      const operation = operationOf(story, before, after);
      for (const text of [before, after]) if (text !== null) rig.images.add(imageContents(text));
      rig.log.append([started(story)]);
      if (i % 10 === 3) rig.log.append([failed(story, 'outcome_unknown')]);
      else if (i % 10 === 4) rig.log.append([{ ...completed(story), commandId: 'poison' }]);
      else if (i % 10 !== 5)
        rig.log.append([completed(story, { change: { direction: 'apply', operation } })]);
      if (i % 6 === 0) rig.log.append([], undefined);
      if (i % 11 === 0) rig.log.append([usedBy(story)]);
      if (i % 8 === 7)
        rig.log.append([
          completed(command({ type: 'session.undo', sessionId: story.sessionId }), {
            change: { direction: 'undo', operation },
          }),
        ]);
      if (i % 9 === 0) await rig.caughtUp();
    }
    await rig.caughtUp();
    await rig.projector.stop();
    const live = await digestReadModels(db.admin);
    const progress: number[] = [];
    const result = await rebuild({
      pool: db.pool('spark_projector'),
      logSource: rig.log,
      imageSource: rig.images,
      clock: systemClock,
      signal: new AbortController().signal,
      onProgress: ({ percent }) => progress.push(percent),
      settleMs: 0,
    });
    expect(progress.at(-1)).toBe(100);
    expect(result.events).toBeGreaterThan(100);
    expect(await digestReadModels(db.admin)).toEqual(live);
    expect(live.every((table) => table.rows > 0 || NOT_IN_THIS_LOG.has(table.table))).toBe(true);
  });

  it('given a projector at work, then it goes on in the new version', async () => {
    await rig.projector.start();
    const story = command();
    rig.log.append([started(story)]);
    await rig.caughtUp();
    await rebuild({
      pool: db.pool('spark_projector'),
      logSource: rig.log,
      imageSource: rig.images,
      clock: systemClock,
      signal: new AbortController().signal,
      settleMs: 0,
    });
    rig.log.append([completed(story)]);
    await rig.caughtUp();
    expect(await commandById(db.admin, story.commandId)).toMatchObject({ state: 'completed' });
    expect(rig.errors).toEqual([]);
  });
});
