import { describe, expect, it } from 'vitest';
import { LogMarks } from '../../src/projections/logMarks.js';

/** Ends seen as `[seq, at ms]`. */
function seen(...ends: readonly (readonly [seq: number, atMs: number])[]): LogMarks {
  const marks = new LogMarks();
  for (const [seq, atMs] of ends) marks.see(seq, atMs);
  return marks;
}

describe('how long something has been missing', () => {
  it('given everything is there, then 0, however long nothing has happened', () => {
    expect(seen([5, 0]).behindMs(5, 3_600_000)).toBe(0);
    expect(seen([5, 0]).behindMs(9, 10)).toBe(0);
  });

  it('given an hour of silence and one new event, then the age is that of the event, not of the hour', () => {
    const marks = seen([5, 0], [5, 3_600_000], [6, 3_600_400]);
    expect(marks.behindMs(5, 3_600_500)).toBe(500);
  });

  it('given it stands still while more is written, then the age grows with the time', () => {
    const marks = seen([5, 0], [6, 500], [7, 1_000], [8, 1_500]);
    expect([2_000, 10_000].map((nowMs) => marks.behindMs(5, nowMs))).toEqual([2_000, 10_000]);
    expect(marks.behindMs(7, 10_000)).toBe(9_000);
  });

  it('given a place between two marks, then the older one counts: never less than the truth', () => {
    expect(seen([5, 0], [9, 1_000]).behindMs(7, 1_200)).toBe(1_200);
  });

  it('given nothing was seen at or before the place, then the first mark is all that is known', () => {
    expect(seen([5, 100]).behindMs(3, 600)).toBe(500);
    expect(seen().behindMs(0, 600)).toBe(0);
  });

  it('given an old word of the end, then it changes nothing', () => {
    const marks = seen([9, 100], [4, 200]);
    expect([marks.endSeq, marks.behindMs(4, 300)]).toEqual([9, 200]);
  });

  it('given a follower that stands still for days, then the marks stay few and the age never too low', () => {
    const marks = seen([0, 0]);
    for (let at = 1; at <= 20_000; at++) marks.see(at, at * 500);
    const nowMs = 20_000 * 500;
    for (const applied of [0, 1, 7_777, 19_000, 19_999]) {
      const told = marks.behindMs(applied, nowMs);
      expect(told).toBeGreaterThanOrEqual(nowMs - applied * 500);
    }
    expect(marks.behindMs(20_000, nowMs)).toBe(0);
    expect(marks.behindMs(19_999, nowMs)).toBe(500);
  });

  it('given nobody asks about the past any more, then what is asked is still told right', () => {
    const marks = seen([5, 0], [6, 500], [7, 1_000]);
    marks.forgetBefore(6);
    expect(marks.behindMs(6, 2_000)).toBe(1_500);
    marks.forgetBefore(100);
    expect(marks.behindMs(7, 2_000)).toBe(0);
  });
});
