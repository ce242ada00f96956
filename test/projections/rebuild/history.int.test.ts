import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { canonicalJson } from '../../../src/core/canonicalJson.js';
import type { LoggedEvent } from '../../../src/events/event.js';
import { jsonbText } from '../../../src/postgres/jsonText.js';
import type { LogEntry } from '../../../src/projections/logEntries.js';
import { entriesOfLog } from '../../../src/projections/logSession.js';
import { entriesUpTo } from '../../../src/projections/rebuild/entriesUpTo.js';
import { entriesFromRows } from '../../../src/projections/rebuild/fromRows.js';
import { rebuild } from '../../../src/projections/rebuild/rebuild.js';
import { rollBack } from '../../../src/projections/rebuild/rollback.js';
import { type RebuildRig, rebuildRig } from '../../support/rebuildRig.js';
import { command, completed, STORY_BEGAN_MS, started } from '../../support/story.js';

const rigs: RebuildRig[] = [];
let rig: RebuildRig;
beforeEach(async () => {
  rig = await rebuildRig(STORY_BEGAN_MS + 0.000_4);
  rigs.push(rig);
});
afterEach(() => rig.live.projector.stop());
afterAll(async () => {
  for (const each of rigs) await each.stop();
});

const projected = async (): Promise<void> => {
  await rig.live.projector.start();
  await rig.live.caughtUp();
};

/** As jsonb keeps it: what it cannot hold is U+FFFD already, keys have no order. */
const inJsonb = (logged: LoggedEvent): string => canonicalJson(JSON.parse(jsonbText(logged)));

async function all(entries: AsyncIterable<LogEntry>): Promise<LogEntry[]> {
  const found: LogEntry[] = [];
  for await (const entry of entries) found.push(entry);
  return found;
}

describe('events read from the rows of spark_events', () => {
  it('given odd texts, numbers and times, then they are those of the log, byte for byte, and their rows theirs', async () => {
    rig.busy.work(200);
    const story = command({ sessionId: 'odd' });
    rig.log.append([
      started(story),
      completed(story, {
        result: {
          ...{ nul: 'a\0b', half: 'x\ud800y', text: 'ü 🎮 \u2028 "\\"', empty: {}, list: [null, true, -0] },
          ...{ big: 2 ** 53 - 1, large: 1.7976931348623157e308, small: 5e-324, third: 1 / 3, e: 1e21 },
          ...{ b: 1, a: 2, '': 3, __proto__: 4, nested: { z: [[]], ключ: 'значение' } },
        },
      }),
    ]);
    await projected();
    const { signal } = new AbortController();
    const last = rig.log.stream.lastSeq * 1_024 + 1_023;
    const ofLog = await all(entriesUpTo(entriesOfLog(rig.log), last)(0, signal));
    const range = { afterSeq: 0, beforeStreamSeq: rig.log.stream.lastSeq + 1 };
    const ofRows = await all(
      entriesFromRows(rig.db.pool('spark_projector'), 'spark_blue.spark_events', range, signal),
    );
    expect(ofRows.length).toBe(ofLog.length);
    for (const [i, entry] of ofRows.entries()) {
      const other = ofLog[i];
      expect([entry.streamSeq, entry.tsMs]).toEqual([other?.streamSeq, other?.tsMs]);
      expect(entry.events.map(inJsonb)).toEqual(other?.events.map(inJsonb));
    }
    const half = await all(
      entriesFromRows(
        rig.db.pool('spark_projector'),
        'spark_blue.spark_events',
        { afterSeq: 1_030, beforeStreamSeq: 5 },
        signal,
      ),
    );
    expect(half.map(({ streamSeq }) => streamSeq)).toEqual([1, 2, 3, 4]);
    expect(half[0]?.events[0]?.seq).toBe(1_031);
  });
});

describe('a log whose beginning is gone', () => {
  it('given the rows that tell of it, then the rebuilt read models are equal, dead letters too, and so is what is rolled back', async () => {
    rig.busy.work(200);
    rig.busy.poison();
    rig.busy.work(100);
    await projected();
    const live = await rig.digest();
    rig.log.dropBefore(rig.log.stream.lastSeq - 3);
    await rebuild(rig.options());
    expect(await rig.digest()).toEqual(live);
    rig.log.dropBefore(rig.log.stream.lastSeq + 1);
    await rebuild(rig.options({ names: ['spark_sessions', 'spark_operations'] }));
    expect(await rig.digest()).toEqual(live);
    rig.busy.work(30);
    await rig.live.caughtUp();
    const later = await rig.digest();
    rig.log.dropBefore(rig.log.stream.lastSeq);
    await rollBack(rig.options());
    expect(await rig.digest()).toEqual(later);
  });

  it('given that retention has taken rows too, then it refuses, unless the loss is accepted', async () => {
    rig.busy.work(50);
    await projected();
    const created = await rig.log.created();
    await rig.db.admin.query(
      `INSERT INTO spark.retention_cuts (stream_created, at_seq, rule, before, slice_end, rows)
       VALUES ($1, 2000, 'partitions', '2026-01-01', '2026-01-01', 1)`,
      [created],
    );
    rig.log.dropBefore(5);
    await expect(rebuild(rig.options())).rejects.toMatchObject({
      code: 'history_gone',
      message: expect.stringContaining('--accept-loss'),
    });
    expect((await rebuild(rig.options({ acceptLoss: true }))).flipped.length).toBeGreaterThan(10);
  });
});

/** Why the projector does not start. While the server ends the connection of before it waits for its place instead: then once more. */
async function refusal(): Promise<unknown> {
  for (;;) {
    try {
      await rig.live.projector.start();
      await rig.live.projector.stop();
    } catch (error) {
      return error;
    }
  }
}

describe('a log that the live projector refuses', () => {
  it.each(['another stream', 'newest messages lost'])(
    'given %s, then all can be rebuilt from it, and the projector goes on',
    async (what) => {
      rig.busy.work(100);
      await projected();
      await rig.live.projector.stop();
      if (what === 'another stream') rig.log.stream.createdAt = '2026-04-01T00:00:00.000Z';
      else rig.log.loseAfter(6);
      expect(await refusal()).toMatchObject({
        code: what === 'another stream' ? 'stream_changed' : 'log_shorter_than_checkpoint',
        message: expect.stringContaining('`spark rebuild all`'),
      });
      await rig.live.projector.stop();
      await expect(rebuild(rig.options({ names: ['spark_usage'] }))).rejects.toMatchObject({
        code: 'only_all',
      });
      await rebuild(rig.options());
      await expect(rollBack(rig.options())).rejects.toMatchObject({ code: 'nothing_to_roll_back' });
      // Beyond what was projected before: the rig waits for sequences.
      rig.busy.work(400);
      await projected();
      const live = await rig.digest();
      await rebuild(rig.options());
      expect(await rig.digest()).toEqual(live);
    },
  );
});
