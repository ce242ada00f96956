import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CommandState } from '../../src/events/outcome.js';
import { isTerminal } from '../../src/events/outcome.js';
import { Ledger } from '../../src/workers/ledger/ledger.js';

const TERM_MS = 1_000;
const entry = (state: CommandState, recordedAtMs = 0, payloadSha = 'p') => ({
  payloadSha,
  state,
  attempts: 1,
  recordedAtMs,
});
const ledgerOf = (maxKeys: number) => new Ledger({ maxKeys, termMs: TERM_MS });

describe('the ledger', () => {
  it('given an unknown key, says so; the same payload, a repeat; another, a mismatch', () => {
    const ledger = ledgerOf(10);
    expect(ledger.check('a', 'p')).toEqual({ kind: 'unknown' });
    ledger.record('a', entry('completed'));
    expect(ledger.check('a', 'p')).toEqual({ kind: 'repeat', entry: entry('completed') });
    expect(ledger.check('a', 'q')).toEqual({ kind: 'mismatch', entry: entry('completed') });
    expect(ledger.find('b')).toBeUndefined();
  });

  it('given the term is over, forgets what ended and keeps what is open', () => {
    const ledger = ledgerOf(10);
    ledger.record('open', entry('started', 0));
    ledger.record('ended', entry('completed', 1));
    ledger.record('younger', entry('completed', 2));
    ledger.expire(TERM_MS + 1);
    expect(
      [ledger.find('open'), ledger.find('ended'), ledger.find('younger')].map((found) => found?.state),
    ).toEqual(['started', undefined, 'completed']);
  });

  it('given one key too many, evicts the oldest that ended, and counts it', () => {
    const ledger = ledgerOf(2);
    ledger.record('open', entry('started'));
    ledger.record('old', entry('failed'));
    ledger.record('new', entry('completed'));
    expect([ledger.size, ledger.evicted, ledger.find('old')]).toEqual([2, 1, undefined]);
    expect(ledger.find('open')).toBeDefined();
  });

  it('given only open commands, goes over its limit rather than forget one', () => {
    const ledger = ledgerOf(1);
    for (const id of ['a', 'b', 'c']) ledger.record(id, entry('started'));
    expect([ledger.size, ledger.evicted]).toEqual([3, 0]);
  });

  it('runs the term from the first claim, whatever was recorded later', () => {
    const ledger = ledgerOf(10);
    ledger.record('a', entry('started', 0));
    ledger.record('b', entry('completed', 500));
    ledger.record('a', entry('completed', 0));
    ledger.expire(TERM_MS);
    expect([ledger.find('a'), ledger.find('b')?.state]).toEqual([undefined, 'completed']);
  });

  it('whatever happens, never loses an open command and never forgets early but for its limit', () => {
    const step = fc.record({
      id: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
      state: fc.constantFrom<CommandState>('started', 'completed', 'failed', 'conflict'),
      passMs: fc.integer({ min: 0, max: 400 }),
      expire: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 6 }), (steps, maxKeys) => {
        const ledger = ledgerOf(maxKeys);
        const known = new Map<string, { state: CommandState; recordedAtMs: number }>();
        let nowMs = 0;
        for (const { id, state, passMs, expire } of steps) {
          nowMs += passMs;
          const before = ledger.find(id);
          if (before && isTerminal(before.state)) continue;
          const recordedAtMs = before?.recordedAtMs ?? nowMs;
          ledger.record(id, entry(state, recordedAtMs));
          known.set(id, { state, recordedAtMs });
          if (expire) ledger.expire(nowMs);
          for (const [open, { state: last }] of known)
            if (!isTerminal(last)) expect(ledger.find(open)?.state).toBe(last);
          const terminalKept = [...known].filter(([key]) => ledger.find(key)).length;
          expect(ledger.size).toBe(terminalKept);
          const open = [...known.values()].filter(({ state: last }) => !isTerminal(last)).length;
          expect(ledger.size).toBeLessThanOrEqual(Math.max(maxKeys, open + 1));
        }
        if (ledger.evicted === 0)
          for (const [key, { recordedAtMs }] of known)
            if (recordedAtMs + TERM_MS > nowMs) expect(ledger.find(key)).toBeDefined();
      }),
    );
  });
});
