import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { bounded } from '../../src/core/bounded.js';
import { every, pause, systemClock } from '../../src/core/clock.js';
import { assertNever, codeOf, messageOf, SparkError } from '../../src/core/errors.js';
import { AutoClock } from '../support/autoClock.js';

describe('every', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('calls its tick once a period until it is stopped', async () => {
    let ticks = 0;
    const stop = every(
      100,
      () => {
        ticks++;
      },
      () => undefined,
    );
    await vi.advanceTimersByTimeAsync(350);
    expect(ticks).toBe(3);
    stop();
    stop();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(ticks).toBe(3);
  });

  it('never lets a slow tick overlap the next', async () => {
    const open: (() => void)[] = [];
    const stop = every(
      100,
      () => new Promise<void>((resolve) => open.push(resolve)),
      () => undefined,
    );
    await vi.advanceTimersByTimeAsync(500);
    expect(open).toHaveLength(1);
    open[0]?.();
    await vi.advanceTimersByTimeAsync(100);
    expect(open).toHaveLength(2);
    stop();
  });

  it('tells of a tick that throws, at once or later, and goes on', async () => {
    const told: unknown[] = [];
    let ticks = 0;
    const stop = every(
      100,
      () => {
        ticks++;
        if (ticks === 1) throw new Error('at once');
        return ticks === 2 ? Promise.reject(new Error('later')) : undefined;
      },
      (error) => told.push(messageOf(error)),
    );
    await vi.advanceTimersByTimeAsync(350);
    stop();
    expect(told).toEqual(['at once', 'later']);
    expect(ticks).toBe(3);
  });
});

describe('pause', () => {
  it('ends quietly when its signal is aborted, before or during', async () => {
    await pause(systemClock, 60_000, AbortSignal.abort());
    const abort = new AbortController();
    const waiting = pause(systemClock, 60_000, abort.signal);
    abort.abort();
    await waiting;
  });

  it('passes on what is not an abort', async () => {
    const broken = { ...systemClock, sleep: () => Promise.reject(new Error('broken')) };
    await expect(pause(broken, 1)).rejects.toThrow('broken');
  });

  it('sleeps without a signal, by a clock that only goes forward', async () => {
    const before = systemClock.monotonicMs();
    await systemClock.sleep(1);
    expect(systemClock.monotonicMs()).toBeGreaterThanOrEqual(before);
    expect(systemClock.nowMs()).toBeGreaterThan(1_700_000_000_000);
  });
});

describe('a bounded wait', () => {
  it('says whether the work ended well in time, and never fails', async () => {
    const clock = new AutoClock();
    expect(await bounded(clock, 1_000, Promise.resolve())).toBe(true);
    expect(await bounded(clock, 1_000, undefined)).toBe(true);
    expect(await bounded(clock, 1_000, Promise.reject(new Error('x')))).toBe(false);
    const began = clock.monotonicMs();
    expect(await bounded(clock, 1_000, new Promise(() => undefined))).toBe(false);
    expect(clock.monotonicMs() - began).toBe(1_000);
  });
});

describe('errors', () => {
  class Spoilt extends SparkError {
    readonly code = 'spoilt';
  }

  it('carry a stable code, fields, cause and their own name', () => {
    const cause = new Error('why');
    const error = new Spoilt('what', { fields: { limit: 7 }, cause });
    expect(error).toMatchObject({ code: 'spoilt', name: 'Spoilt', fields: { limit: 7 }, cause });
    expect(new Spoilt('alone').fields).toEqual({});
    expect('cause' in new Spoilt('alone')).toBe(false);
  });

  it('are read whatever was thrown', () => {
    expect(codeOf(new Spoilt('x'))).toBe('spoilt');
    expect([codeOf(null), codeOf(undefined), codeOf('x'), codeOf({ code: 7 })]).toEqual(
      Array(4).fill(undefined),
    );
    expect([messageOf(new Error('a')), messageOf('b'), messageOf(undefined)]).toEqual([
      'a',
      'b',
      'undefined',
    ]);
    expect(() => assertNever('surprise' as never)).toThrow('surprise');
  });
});
