import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { actOf } from '../../src/projections/audit/acts.js';
import { targetPathOf } from '../../src/projections/audit/targetPath.js';
import type { StateMove } from '../../src/projections/commands/write.js';
import { addToEditor, type EditorDelta, editorRows } from '../../src/projections/editors/fold.js';
import { CallTallies } from '../../src/projections/rollups/calls.js';
import { EventTallies } from '../../src/projections/rollups/events.js';
import { laneTallies } from '../../src/projections/rollups/lanes.js';
import { latencyBucket } from '../../src/projections/rollups/latencyBuckets.js';
import { MINUTE_S, sliceOf } from '../../src/projections/rollups/slice.js';
import { keyText, Tally } from '../../src/projections/rollups/tally.js';
import {
  command,
  completed,
  envelopeOf,
  failed,
  logged,
  operationOf,
  STORY_BEGAN_MS,
  started,
} from '../support/story.js';

const MINUTE = STORY_BEGAN_MS / 1_000;
const rowsOf = (tally: Tally) => [...tally.rows()].map(({ key, sums, max }) => [...key, ...sums, max]);
const call = (over: Partial<Parameters<CallTallies['add']>[0]> = {}) => ({
  ...{ seq: 1, tsMs: STORY_BEGAN_MS + 10, durationMs: 12.5, commandId: 'c', attempts: 1, name: 'tool' },
  ...{ status: 'success' as const, outcome: 'completed', sessionId: 's', editor: 'e', errorCode: null },
  ...over,
});

describe('a slice of time', () => {
  it('given a moment that the column rounds up into the next minute, then it falls there', () => {
    expect(sliceOf(STORY_BEGAN_MS + 59_999.9996, MINUTE_S)).toBe(MINUTE + 60);
    expect(sliceOf(STORY_BEGAN_MS + 59_999.999, MINUTE_S)).toBe(MINUTE);
    expect(sliceOf(0, MINUTE_S)).toBe(0);
  });
});

describe('a tally', () => {
  it('given amounts in any order and grouping, then the rows are the same', () => {
    const entry = fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.nat(1_000), fc.nat(1_000));
    fc.assert(
      fc.property(fc.array(entry), fc.nat(20), (entries, at) => {
        const all = new Tally();
        for (const [key, amount, max] of entries) all.add([key], [amount, 1], max);
        const [left, right] = [new Tally(), new Tally()];
        for (const [i, [key, amount, max]] of entries.entries())
          (i < at ? right : left).add([key], [amount, 1], max);
        left.addAll(right);
        expect(rowsOf(left).sort()).toEqual(rowsOf(all).sort());
      }),
    );
  });

  it('given another tally, then that one stays as it is', () => {
    const [sum, part] = [new Tally(), new Tally()];
    part.add(['a'], [1]);
    sum.addAll(part);
    sum.add(['a'], [1]);
    expect([rowsOf(sum), rowsOf(part)]).toEqual([[['a', 2, 0]], [['a', 1, 0]]]);
  });

  it('given a text no index takes, then its key is cut and clean', () => {
    expect(keyText(`a\0b\ud800${'x'.repeat(9_000)}`)).toBe(`a\ufffdb\ufffd${'x'.repeat(196)}`);
  });
});

describe('calls', () => {
  it('given calls with and without a duration, then each counts once where it belongs', () => {
    const tallies = new CallTallies();
    tallies.add(call());
    tallies.add(call({ durationMs: 20 }));
    tallies.add(
      call({ durationMs: null, outcome: 'failed', errorCode: 'away', tsMs: STORY_BEGAN_MS + 60_000 }),
    );
    expect(rowsOf(tallies.calls)).toEqual([
      [MINUTE, 'tool', 'completed', '', 2, 2, 32_500, 0],
      [MINUTE + 60, 'tool', 'failed', 'away', 1, 0, 0, 0],
    ]);
    expect(rowsOf(tallies.latency)).toEqual([
      [MINUTE, 'tool', latencyBucket(12_500), 1, 0],
      [MINUTE, 'tool', latencyBucket(20_000), 1, 0],
    ]);
    expect(rowsOf(tallies.sessions)).toEqual([[MINUTE, 's', 0, 3, 2, 32_500, 20_000]]);
    expect(rowsOf(tallies.lanes)).toEqual([
      [MINUTE, 'e', 0, 0, 0, 32_500, 0],
      [MINUTE + 60, 'e', 0, 0, 0, 0, 0],
    ]);
  });
});

describe('events', () => {
  it('given operations made and undone, then they count by direction and tool, whoever asked', () => {
    const story = command();
    const operation = operationOf(story, 'a', 'b');
    const undo = command({ type: 'session.undo', sessionId: 'session-2' });
    const tallies = new EventTallies();
    for (const each of logged([
      started(story),
      completed(story, { change: { direction: 'apply', operation } }),
      completed(undo, { changes: [{ direction: 'undo', operation }] }),
    ]))
      tallies.add(each, undefined);
    expect(rowsOf(tallies.operations)).toEqual([
      [MINUTE, 'apply', 'unity.generate_script', 1, 0],
      [MINUTE, 'undo', 'unity.generate_script', 1, 0],
    ]);
    expect(rowsOf(tallies.sessions)).toEqual([
      [MINUTE, 'session-1', 2, 0, 0, 0, 0],
      [MINUTE, 'session-2', 1, 0, 0, 0, 0],
    ]);
  });
});

describe('lanes and editors', () => {
  const move = (over: Partial<StateMove>): StateMove => ({
    ...{ sessionId: 's', editor: 'e', before: null, after: 'started', acceptedMinuteS: 3_540 },
    ...{ endedMinuteS: null, count: 1 },
    ...over,
  });

  it('given commands new, begun again and ended, then each is accepted once and ended once, in its minute and hour', () => {
    const { minutes, hours } = laneTallies(
      [
        move({ count: 3 }),
        move({ before: 'started', after: 'started', acceptedMinuteS: null }),
        move({ before: 'started', after: 'completed', acceptedMinuteS: null, endedMinuteS: 3_600, count: 2 }),
        move({ after: 'rejected', acceptedMinuteS: 3_600, endedMinuteS: 3_600 }),
      ],
      new Tally(),
    );
    expect(rowsOf(minutes)).toEqual([
      [3_540, 'e', 3, 0, 0, 0, 0],
      [3_600, 'e', 1, 3, 1, 0, 0],
    ]);
    expect(rowsOf(hours)).toEqual([
      [0, 'e', 3, 0, 0],
      [3_600, 'e', 1, 3, 0],
    ]);
  });

  it('given a move of a command whose editor has no event in the batch, then its row moves all the same', () => {
    const deltas = new Map<string, EditorDelta>();
    for (const each of logged([started(command({ editor: 'a' }))])) addToEditor(deltas, each);
    const rows = editorRows(deltas, [
      move({ editor: 'a' }),
      move({ editor: 'b', before: 'started', after: 'cancelled' }),
    ]);
    expect(rows).toMatchObject([
      { editor: 'a', events: 1, commands: 1, started: 1, last_seq: 1_024 },
      { editor: 'b', events: 0, commands: 0, started: -1, cancelled: 1, first_seen: null, last_seq: 0 },
    ]);
  });
});

describe('the audit', () => {
  const story = command();
  const only = (event: Parameters<typeof logged>[0][number]) => logged([event]).map(actOf)[0];

  it('given a cancellation, then who did it is on record; given one of the editor itself, then nobody', () => {
    const error = { code: 'cancelled', message: 'x', actor: 'ops', reason: 'wrong file' };
    expect(only(failed(story, 'cancelled', { error }))).toMatchObject({
      ...{ action: 'cancel', actor: 'ops', reason: 'wrong file', commandId: story.commandId },
    });
    expect(only(failed(story, 'cancelled'))).toBeUndefined();
    expect(only(failed(story, 'failed', { error }))).toBeUndefined();
  });

  it('names the file that the payload names, else the folder, else the one file of the intent', () => {
    const envelope = envelopeOf(story);
    const intent = {
      path: 'Assets/B.cs',
      editor: 'e',
      before: null,
      after: null,
      waypoints: [],
      missingFolders: [],
    };
    expect(targetPathOf(envelope, intent)).toBe('Assets/Player.cs');
    expect(targetPathOf({ ...envelope, payload: { targetFolder: 'Assets/Game' } }, null)).toBe('Assets/Game');
    expect(targetPathOf({ ...envelope, payload: {} }, intent)).toBe('Assets/B.cs');
    expect(
      targetPathOf({ ...envelope, payload: { path: { sha256: 'x', bytes: 2_000 } } }, intent),
    ).toBeNull();
    expect(targetPathOf({ ...envelope, payload: null }, undefined)).toBeNull();
  });
});
