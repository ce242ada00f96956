import { describe, expect, it } from 'vitest';
import type { Clock } from '../../src/core/clock.js';
import { systemClock } from '../../src/core/clock.js';
import { encodeLogMessage } from '../../src/events/log.js';
import { PendingCommands } from '../../src/projections/acceptedOverlay/pending.js';
import { type BatchPart, splitPart } from '../../src/projections/batchPart.js';
import { FlushPace } from '../../src/projections/flushPace.js';
import { Intake } from '../../src/projections/intake.js';
import { entryOf } from '../../src/projections/logEntries.js';
import { endOfMessage, readAfter } from '../../src/projections/logPosition.js';
import { backoffMs } from '../../src/projections/persistentService.js';
import type { AcceptedCommand } from '../../src/projections/ports.js';
import { command, logged, started } from '../support/story.js';

class HandClock implements Clock {
  now = 1_000;
  nowMs = () => this.now;
  monotonicMs = () => this.now;
  sleep = async () => undefined;
}

describe('the pace of flushes', () => {
  it('given a pause, then four at once; then one each 50 ms', () => {
    const clock = new HandClock();
    const pace = new FlushPace(clock);
    for (let i = 0; i < 4; i++) {
      expect(pace.waitMs()).toBe(0);
      pace.spend();
    }
    expect(pace.waitMs()).toBe(50);
    clock.now += 30;
    expect(pace.waitMs()).toBe(20);
    clock.now += 20;
    expect(pace.waitMs()).toBe(0);
    pace.spend();
    clock.now += 10_000;
    for (let i = 0; i < 4; i++) pace.spend();
    expect(pace.waitMs()).toBeGreaterThan(0);
  });
});

describe('the intake', () => {
  const limits = { flushWeight: 3, maxWeight: 5, maxBytes: 1_000 };
  const newIntake = () => new Intake<number>(limits, () => ({ weight: 1, bytes: 1 }), systemClock);

  it('given a fast source and nobody taking, then it reads no more than its limit', async () => {
    let given = 0;
    const stop = new AbortController();
    const intake = newIntake();
    const pumping = intake.pump(
      (async function* () {
        while (!stop.signal.aborted) yield given++;
      })(),
      stop.signal,
    );
    const pace = new FlushPace(systemClock);
    const first = await intake.take(pace, stop.signal);
    const second = await intake.take(pace, stop.signal);
    stop.abort();
    await pumping;
    const taken = [...(first ?? []), ...(second ?? [])];
    expect(taken).toEqual(taken.map((_, i) => i));
    expect(given).toBeLessThanOrEqual(taken.length + limits.maxWeight);
    expect(await intake.take(pace, stop.signal)).toBeUndefined();
  });

  it('given a source that breaks, then what came before is handed out first', async () => {
    const signal = new AbortController().signal;
    const intake = newIntake();
    await intake.pump(
      (async function* () {
        yield 1;
        throw new Error('broken');
      })(),
      signal,
    );
    const pace = new FlushPace(systemClock);
    expect(await intake.take(pace, signal)).toEqual([1]);
    await expect(intake.take(pace, signal)).rejects.toThrow('broken');
  });
});

describe('places in the log', () => {
  it('given a checkpoint at the end of a message, then reading goes on after it; inside one, at it', () => {
    expect([readAfter(0), readAfter(endOfMessage(7)), readAfter(7 * 1_024 + 3)]).toEqual([0, 7, 6]);
  });

  it('given a part, then its halves have everything once and end where they say', () => {
    const events = logged([started(command()), started(command()), started(command())]);
    const unreadable = [1_030, 2_060, 3_080].map((seq) => ({ seq, tsMs: 1, reason: 'x', body: '' }));
    const part = { events, unreadable, toSeq: endOfMessage(3), tsMs: 9 };
    const shapeOf = (pieces: readonly BatchPart[]) =>
      pieces.map((piece) => [piece.events.length, piece.toSeq, piece.unreadable.length]);
    expect(shapeOf(splitPart(part))).toEqual([
      [1, 1_024, 0],
      [2, endOfMessage(3), 3],
    ]);
    expect(shapeOf(splitPart(part, 1))).toEqual([
      [1, 1_024, 0],
      [1, 2_048, 1],
      [1, endOfMessage(3), 2],
    ]);
    expect(shapeOf(splitPart(part, 0))).toEqual([
      [1, 1_024, 0],
      [2, endOfMessage(3), 3],
    ]);
  });

  it('given one bad event in a message, then its neighbours are read', () => {
    const good = started(command());
    const entry = entryOf({
      ...{ streamSeq: 5, tsMs: 9, partition: 0 },
      data: encodeLogMessage([good, {} as never, good]),
    });
    expect(entry.events.map((each) => each.seq)).toEqual([5 * 1_024, 5 * 1_024 + 2]);
    expect(entry.unreadable).toMatchObject([{ seq: 5 * 1_024 + 1, body: '{}' }]);
  });
});

describe('commands that wait', () => {
  const accepted = (commandId: string, seq: number): AcceptedCommand =>
    ({ commandId, position: { partition: 0, seq, index: 0, count: 1 } }) as unknown as AcceptedCommand;

  it('given a hold of 250 ms, then only those that nobody saw start are due', () => {
    const pending = new PendingCommands(0);
    pending.add(accepted('a', 1), 0);
    pending.add(accepted('b', 2), 10);
    pending.add(accepted('c', 3), 200);
    pending.drop('a');
    expect(pending.due(249, 9)).toEqual([]);
    expect(pending.due(260, 9).map((each) => each.commandId)).toEqual(['b']);
    expect(pending.settledSeq()).toBe(1);
    pending.drop('b');
    pending.drop('c');
    expect([pending.size, pending.settledSeq()]).toEqual([0, 2]);
  });
});

it('backoff grows to its limit and never vanishes', () => {
  expect([backoffMs(0, 0), backoffMs(3, 0), backoffMs(60, 0), backoffMs(0, 0.999)]).toEqual([
    100,
    800,
    5_000,
    expect.closeTo(50, 0),
  ]);
});
