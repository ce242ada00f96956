import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import type { CommandId, EditorId, SessionId, Sha256 } from '../../src/core/ids.js';
import { createOverlay, type Overlay } from '../../src/projections/acceptedOverlay/overlay.js';
import { commandById, listCommands } from '../../src/projections/commands/queries.js';
import type { AcceptedCommand } from '../../src/projections/ports.js';
import { MemoryCommands } from '../support/memoryLog.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { projectorRig, type Rig } from '../support/projectorRig.js';
import { type CommandStory, command, completed, envelopeOf, started } from '../support/story.js';

const databases: TestDatabase[] = [];
let db: TestDatabase;
let source: MemoryCommands;
let overlay: Overlay;
let rig: Rig;
let inserted = 0;
/** Who waits for the overlay to have come to rest, and the ticks in a row for which nothing has been held. */
let waiting: { idleTicks: number; resolve: () => void }[] = [];
/** The overlay's own time: how long it holds a command is no matter of how fast the machine is. */
let nowMs = (): number => systemClock.monotonicMs();
let errors: unknown[] = [];

beforeEach(async () => {
  db = await createTestDatabase();
  databases.push(db);
  source = new MemoryCommands();
  inserted = 0;
  errors = [];
  waiting = [];
  nowMs = () => systemClock.monotonicMs();
  overlay = newOverlay();
  rig = projectorRig(db.pool('spark_projector'), { onCommands: (ids) => overlay.seen(ids) });
});

afterAll(async () => {
  for (const each of databases) await each.drop();
});

afterEach(async () => {
  await overlay.stop();
  await rig.projector.stop();
});

function newOverlay(): Overlay {
  return createOverlay({
    pool: db.pool('spark_projector'),
    source,
    clock: { ...systemClock, monotonicMs: () => nowMs() },
    onError: (error) => errors.push(error),
    onFatal: (error) => errors.push(error),
    onTick: (stats) => {
      inserted += stats.inserted;
      for (const waiter of waiting) waiter.idleTicks = stats.pending > 0 ? 0 : waiter.idleTicks + 1;
      for (const { idleTicks, resolve } of waiting) if (idleTicks > 1) resolve();
    },
  });
}

/** Resolves when nothing is held any more: at the second tick that finds so, for the first may have begun before what came last was read. */
const settled = (): Promise<void> =>
  new Promise((resolve) => {
    waiting.push({ idleTicks: 0, resolve });
  });

function accepted(story: CommandStory): AcceptedCommand {
  const { traceparent, payload, ...envelope } = envelopeOf(story);
  return {
    ...envelope,
    traceparent,
    commandId: story.commandId as CommandId,
    sessionId: story.sessionId as SessionId,
    editor: story.editor as EditorId,
    payloadSha: envelope.payloadSha as Sha256,
    position: { partition: 0, seq: 0, index: 0, count: 1 },
  };
}

describe('commands that wait', () => {
  it('given an accepted command that does not start, then it shows as accepted, and as started once it has', async () => {
    const story = command();
    await overlay.start();
    source.stream.append(accepted(story));
    await settled();
    expect(await commandById(db.admin, story.commandId)).toMatchObject({
      state: 'accepted',
      attempts: 0,
      actor: 'agent-7',
      startedAt: null,
    });
    expect(
      await listCommands(db.admin, { sessionId: 'session-1', states: ['accepted'], limit: 5 }),
    ).toHaveLength(1);
    rig.log.append([started(story)]);
    await rig.projector.start();
    await rig.caughtUp();
    const rows = await db.admin.query('SELECT state FROM spark.spark_commands WHERE command_id = $1', [
      story.commandId,
    ]);
    expect(rows.rows).toEqual([{ state: 'started' }]);
    const left = async (): Promise<number> =>
      (await db.admin.query('SELECT FROM spark.accepted_overlay')).rowCount ?? -1;
    await expect.poll(left, { timeout: 10_000 }).toBe(0);
  });

  it('given commands that start soon, then no row is ever written', async () => {
    await rig.projector.start();
    // The first batch of a day makes its partitions, which may take longer than the overlay waits.
    const first = command();
    rig.log.append([started(first), completed(first)]);
    await rig.caughtUp();
    await overlay.start();
    const startedMs = nowMs();
    nowMs = () => startedMs;
    for (let i = 0; i < 50; i++) {
      const story = command();
      source.stream.append(accepted(story));
      rig.log.append([started(story), completed(story)]);
    }
    await rig.caughtUp();
    nowMs = () => startedMs + 60_000;
    await settled();
    expect(inserted).toBe(0);
  });

  it('given a projector in another process, then the state table is asked before a row is written', async () => {
    const story = command();
    rig = projectorRig(db.pool('spark_projector')); // tells the overlay nothing
    rig.log.append([started(story)]);
    await rig.projector.start();
    await rig.caughtUp();
    await overlay.start();
    source.stream.append(accepted(story));
    await settled();
    expect(inserted).toBe(0);
  });

  it('given a repeat of a key and a restart, then there is one row', async () => {
    const story = command();
    await overlay.start();
    source.stream.append(accepted(story));
    source.stream.append(accepted(story));
    await settled();
    await overlay.stop();
    overlay = newOverlay();
    await overlay.start();
    source.stream.append(accepted(command()));
    await settled();
    const rows = await db.admin.query('SELECT FROM spark.spark_commands WHERE command_id = $1', [
      story.commandId,
    ]);
    expect(rows.rowCount).toBe(1);
  });

  it('given a command that Postgres refuses, then the others get their rows', async () => {
    const story = command();
    await overlay.start();
    source.stream.append({ ...accepted(command()), commandId: 'not-a-uuid' as CommandId });
    source.stream.append(accepted(story));
    await settled();
    expect(await commandById(db.admin, story.commandId)).toMatchObject({ state: 'accepted' });
    expect(errors).toMatchObject([{ code: '22P02' }]);
  });
});
