import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.js';
import { DEFAULT_RATE_LIMITS, parseRateLimits, RateRulesError } from '../../src/core/rateRules.js';
import { RateLimit } from '../../src/resilience/rateLimit.js';
import { AutoClock } from '../support/autoClock.js';

const ask = (over: Partial<{ actor: string; sessionId: string; type: string }> = {}) => ({
  actor: 'ann',
  sessionId: 's1',
  type: 'unity.generate_script',
  ...over,
});
const limitOf = (text: string) => {
  const clock = new AutoClock();
  return { clock, limit: new RateLimit(parseRateLimits(text), clock) };
};

describe('rate limit rules', () => {
  it('given nothing, are the defaults: generous for commands, low for what is heavy', () => {
    const rules = new Map(parseRateLimits('').map((rule) => [rule.name, rule]));
    expect(rules.get('actor')).toEqual({ name: 'actor', count: 20_000, windowSeconds: 1 });
    expect(rules.get('unity.run_build')).toEqual({ name: 'unity.run_build', count: 30, windowSeconds: 60 });
    expect(parseRateLimits(DEFAULT_RATE_LIMITS)).toEqual([...rules.values()]);
  });

  it('given some, change those and leave the others; `off` takes one away', () => {
    const rules = new Map(
      parseRateLimits(' session = 5/s ; cv.*=off; preset.apply=1/h ').map((rule) => [rule.name, rule]),
    );
    expect(rules.get('session')?.count).toBe(5);
    expect(rules.get('preset.apply')).toEqual({ name: 'preset.apply', count: 1, windowSeconds: 3_600 });
    expect([rules.has('cv.*'), rules.has('actor')]).toEqual([false, true]);
  });

  it.each(['session', 'session=', 'session=0/s', 'session=5/d', 'Session=5/s', 'a.b.c=1/s', 'session=5'])(
    'given "%s", say what is wrong and how to write it, as the configuration does',
    (text) => {
      expect(() => parseRateLimits(text)).toThrow(RateRulesError);
      expect(() => loadConfig({ SPARK_RATE_LIMITS: text })).toThrow(/SPARK_RATE_LIMITS: .*name=count/);
    },
  );
});

describe('a rate limit', () => {
  it('given more than a session may, names the limit and when to come back; other sessions feel nothing', () => {
    const { limit, clock } = limitOf('session=3/s');
    expect([1, 2, 3].map(() => limit.take(ask()))).toEqual([undefined, undefined, undefined]);
    expect(limit.take(ask())).toEqual({ limit: 'session', count: 3, windowSeconds: 1, retryAfterMs: 334 });
    expect(limit.take(ask({ sessionId: 's2' }))).toBeUndefined();
    clock.advance(334);
    expect(limit.take(ask())).toBeUndefined();
    expect(limit.take(ask())?.limit).toBe('session');
  });

  it('given a heavy tool, counts it for each actor, a family together, and takes nothing of the others when it refuses', () => {
    const { limit } = limitOf('cv.*=2/m;session=4/s');
    expect(limit.take(ask({ type: 'cv.ocr' }))).toBeUndefined();
    expect(limit.take(ask({ type: 'cv.classify' }))).toBeUndefined();
    for (let n = 0; n < 5; n++) expect(limit.take(ask({ type: 'cv.ocv' }))?.limit).toBe('cv.*');
    expect([limit.take(ask()), limit.take(ask())]).toEqual([undefined, undefined]);
    expect(limit.take(ask())?.limit).toBe('session');
    expect(limit.take(ask({ type: 'cv.ocr', actor: 'bob', sessionId: 's9' }))).toBeUndefined();
  });

  it('given 200 builds of 200 made-up actors and sessions, lets through four times what one actor may, in every process that hears of it', () => {
    const { limit, clock } = limitOf('');
    const build = (n: number) => ask({ type: 'unity.run_build', actor: `actor-${n}`, sessionId: `s-${n}` });
    const refusals = Array.from({ length: 200 }, (_, n) => limit.take(build(n))).filter(Boolean);
    expect(refusals).toHaveLength(200 - 4 * 30);
    expect(refusals[0]).toEqual({
      limit: 'unity.run_build/all',
      count: 120,
      windowSeconds: 60,
      retryAfterMs: 500,
    });
    expect(limit.take(ask())).toBeUndefined();
    const other = new RateLimit(parseRateLimits(''), clock);
    other.spentElsewhere(limit.spent());
    expect(other.take(build(999))?.limit).toBe('unity.run_build/all');
    clock.advance(500);
    expect(limit.take(build(1_000))).toBeUndefined();
  });

  it('given more made-up names than are told apart, still remembers what was let through of a tool', () => {
    const { limit } = limitOf('unity.run_build=1/h');
    const build = (n: number) =>
      limit.take(ask({ type: 'unity.run_build', actor: `a${n}`, sessionId: `s${n}` }));
    expect([1, 2, 3, 4].map(build)).toEqual([undefined, undefined, undefined, undefined]);
    for (let n = 0; n < 100_000; n++) limit.take(ask({ actor: `b${n}`, sessionId: `t${n}` }));
    expect(build(5)?.limit).toBe('unity.run_build/all');
  });

  it('given a tool without a limit, has none over everybody either', () => {
    const { limit } = limitOf('unity.run_build=off');
    for (let n = 0; n < 500; n++)
      expect(limit.take(ask({ type: 'unity.run_build', actor: `a${n}` }))).toBeUndefined();
  });

  it('whatever is asked when, never lets through more than a full bucket and what has come in since', () => {
    const step = fc.record({ waitMs: fc.nat(400), asks: fc.nat(12) });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.array(step, { maxLength: 40 }), (count, steps) => {
        const { limit, clock } = limitOf(`session=${count}/s`);
        const passed: number[] = [];
        for (const { waitMs, asks } of steps) {
          clock.advance(waitMs);
          for (let n = 0; n < asks; n++) {
            if (!limit.take(ask())) passed.push(clock.monotonicMs());
          }
        }
        const over = passed.flatMap((startMs, from) =>
          passed
            .slice(from)
            .filter((endMs, more) => more + 1 > count + ((endMs - startMs) * count) / 1_000 + 1e-6),
        );
        expect(over).toEqual([]);
      }),
    );
  });

  it('shared by processes that tell each other, lets through more than one alone by its stated bound, and pays it back', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 5 }),
        fc.integer({ min: 5, max: 50 }),
        fc.integer({ min: 10, max: 100 }),
        (processes, count, delayMs) => {
          const clock = new AutoClock();
          const rules = parseRateLimits(`session=${count}/s;actor=off`);
          const limits = Array.from({ length: processes }, () => new RateLimit(rules, clock));
          let passed = 0;
          const totalMs = 3_000;
          for (let atMs = 0; atMs < totalMs; atMs += delayMs) {
            for (const limit of limits) while (!limit.take(ask())) passed++;
            const told = limits.map((limit) => limit.spent());
            for (const [to, limit] of limits.entries())
              for (const [from, spent] of told.entries()) if (from !== to) limit.spentElsewhere(spent);
            clock.advance(delayMs);
          }
          const alone = count + (totalMs * count) / 1_000;
          const over = (processes - 1) * (count + Math.ceil((delayMs * count) / 1_000));
          expect(passed).toBeLessThanOrEqual(alone + over);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('given word of rules it does not have, or of nonsense, goes on', () => {
    const { limit } = limitOf('session=1/s');
    limit.spentElsewhere([
      ['nothing s1', 5],
      ['session s1', Number.NaN],
      ['session s1', -5],
    ]);
    expect(limit.take(ask())).toBeUndefined();
    expect(limit.spent().length).toBeGreaterThan(0);
    expect(limit.spent()).toEqual([]);
  });
});
