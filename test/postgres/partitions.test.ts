import { describe, expect, it } from 'vitest';
import { boundsOf, hourOf, hoursToMake, startOf } from '../../src/postgres/partitions.js';
import { PartitionPace } from '../../src/projections/partitionPace.js';
import { cutByAge, cutBySize } from '../../src/projections/retention/partitionCut.js';
import { agedMs } from '../../src/projections/retention/terms.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

describe('which partitions to ask for', () => {
  it('given rows of an hour and days as the step, then its day and three more, each once', () => {
    expect(hoursToMake([25, 30], new Set(), 'day')).toEqual([24, 48, 72, 96]);
    expect(hoursToMake([25, 200], new Set([48]), 'day')).toEqual([24, 72, 96, 192, 216, 240, 264]);
  });

  it('given the next hour or day has come, then there are three ahead of it again', () => {
    expect(hoursToMake([25], new Set([24, 25, 26, 27]), 'hour')).toEqual([28]);
    expect(hoursToMake([49], new Set([24, 48, 72, 96]), 'day')).toEqual([120]);
    expect(hoursToMake([25], new Set([25, 26, 27, 28]), 'hour')).toEqual([]);
  });

  it('reads from a name what a partition holds, and from a foreign name nothing', () => {
    const day = Date.UTC(2026, 10, 21);
    const bounds = (name: string) => boundsOf('spark_events', name);
    expect(bounds('spark_events_20261121')).toMatchObject({ fromMs: day, toMs: day + DAY_MS });
    expect(bounds('spark_events_2026112123')).toMatchObject({
      fromMs: day + 23 * HOUR_MS,
      toMs: day + DAY_MS,
    });
    expect([
      bounds('spark_events_old'),
      bounds('spark_usage_20261121'),
      bounds('spark_events_202611212'),
    ]).toEqual([undefined, undefined, undefined]);
    expect([hourOf(HOUR_MS - 1), hourOf(HOUR_MS), hourOf(-1)]).toEqual([0, 1, -1]);
    expect(startOf(day + 5 * HOUR_MS + 7, 'day')).toBe(day);
    expect(startOf(day + 5 * HOUR_MS + 7, 'hour')).toBe(day + 5 * HOUR_MS);
  });
});

describe('day or hour', () => {
  const WINDOW_MS = 300_000;
  const at = (window: number) => window * WINDOW_MS + 1;

  it('given more than 1,000 events a second over five minutes of the log, then hours, and days again only below half of that', () => {
    const pace = new PartitionPace('day');
    pace.add(1_000_000, at(0));
    const steps = [300_001, 299_000, 150_001, 149_999, 299_999].map((events, i) => {
      pace.add(events - 1, at(i) + 1);
      pace.add(1, at(i + 1));
      return pace.step;
    });
    expect(steps).toEqual(['hour', 'hour', 'hour', 'day', 'day']);
  });

  it('given a burst and then silence, then it counts as what it was over all that time', () => {
    const pace = new PartitionPace('day');
    pace.add(1, at(0));
    pace.add(400_000, at(0) + 10_000);
    pace.add(1, at(9));
    expect(pace.step).toBe('day');
  });

  it('given hours before a restart, then hours after it until the log says otherwise', () => {
    const pace = new PartitionPace('hour');
    pace.add(1, at(0));
    pace.add(200_000, at(1));
    expect(pace.step).toBe('hour');
    pace.add(1, at(2));
    expect(pace.step).toBe('day');
  });
});

describe('where to cut', () => {
  const days = [3, 4, 5].map((day) => ({ name: `d${day}`, fromMs: day * DAY_MS, toMs: (day + 1) * DAY_MS }));

  it('by age: whole partitions only', () => {
    expect(cutByAge(days, 5 * DAY_MS - 1)).toBe(4 * DAY_MS);
    expect(cutByAge(days, 5 * DAY_MS)).toBe(5 * DAY_MS);
    expect(cutByAge(days, 4 * DAY_MS - 1)).toBeUndefined();
  });

  it('by size: the oldest, but never what is being written', () => {
    const full = { bytes: 11, maxBytes: 10 };
    expect(cutBySize(days, full, 5 * DAY_MS + 1)).toBe(4 * DAY_MS);
    expect(cutBySize(days.slice(2), full, 5 * DAY_MS + 1)).toBeUndefined();
    expect(cutBySize(days, { bytes: 10, maxBytes: 10 }, 5 * DAY_MS + 1)).toBeUndefined();
  });

  it('while the read models are behind the log: never beyond what they have come to, less an hour', () => {
    const nowMs = 100 * DAY_MS;
    expect(agedMs(nowMs, 30, { tsMs: 60 * DAY_MS, level: false })).toBe(60 * DAY_MS - HOUR_MS);
    expect(agedMs(nowMs, 30, { tsMs: 60 * DAY_MS, level: true })).toBe(70 * DAY_MS);
    expect(agedMs(nowMs, 30, { tsMs: 99 * DAY_MS, level: false })).toBe(70 * DAY_MS);
  });
});
