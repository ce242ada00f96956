import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256, uuidFrom } from '../../src/core/ids.js';
import type { CommandState } from '../../src/events/outcome.js';
import { isTerminal } from '../../src/events/outcome.js';
import type { LedgerEntry } from '../../src/workers/ledger/keyRing.js';
import { Ledger } from '../../src/workers/ledger/ledger.js';
import { LedgerModel } from '../support/ledgerModel.js';

const TERM_MS = 1_000;
const [P, Q] = [sha256('p'), sha256('q')];
const [A, B, C] = ['a', 'b', 'c'].map((name) => uuidFrom(name)) as [string, string, string];
const entry = (state: CommandState, recordedAtMs = 0, payloadSha: string = P): LedgerEntry => ({
  payloadSha,
  state,
  attempts: 1,
  recordedAtMs,
});
const ledgerOf = (maxKeys: number) => new Ledger({ maxKeys, termMs: TERM_MS });
const statesOf = (ledger: Ledger, ids: readonly string[]) => ids.map((id) => ledger.find(id)?.state);

describe('the ledger', () => {
  it('given an unknown key, says so; the same payload, a repeat; another, a mismatch', () => {
    const ledger = ledgerOf(10);
    expect(ledger.check(A, P)).toEqual({ kind: 'unknown' });
    ledger.record(A, entry('completed'));
    expect(ledger.check(A, P)).toEqual({ kind: 'repeat', entry: entry('completed') });
    expect(ledger.check(A, Q)).toEqual({ kind: 'mismatch', entry: entry('completed') });
    expect(ledger.find(B)).toBeUndefined();
  });

  it('given payloads whose hashes differ in one digit only, tells them apart', () => {
    const ledger = ledgerOf(10);
    ledger.record(A, entry('completed'));
    for (let at = 0; at < P.length; at++) {
      const other = `${P.slice(0, at)}${P[at] === '0' ? '1' : '0'}${P.slice(at + 1)}`;
      expect(ledger.check(A, other).kind).toBe('mismatch');
    }
  });

  it.each<CommandState>([
    'accepted',
    'started',
    'completed',
    'failed',
    'rejected',
    'conflict',
    'outcome_unknown',
    'cancelled',
  ])('keeps an entry as it was told, to the millisecond: %s', (state) => {
    const ledger = ledgerOf(10);
    const told = { payloadSha: Q, state, attempts: 77, recordedAtMs: 1_795_000_123_456 };
    ledger.record(A, told);
    expect(ledger.find(A)).toEqual(told);
  });

  it('given ids and hashes that are none of SPARK, still tells keys and payloads apart', () => {
    const ledger = ledgerOf(10);
    const names = [
      'a',
      'A',
      A.toUpperCase(),
      A.replaceAll('-', ''),
      `${A.slice(0, -1)}é`,
      A.replace('-', '0'),
    ];
    for (const [at, name] of names.entries()) ledger.record(name, entry('failed', at, name));
    expect(ledger.size).toBe(names.length);
    for (const [at, name] of names.entries()) {
      expect(ledger.find(name)?.recordedAtMs).toBe(at);
      expect([ledger.check(name, name).kind, ledger.check(name, 'other').kind]).toEqual([
        'repeat',
        'mismatch',
      ]);
    }
  });

  it('given the term is over, forgets what ended and keeps what is open', () => {
    const ledger = ledgerOf(10);
    ledger.record(A, entry('started', 0));
    ledger.record(B, entry('completed', 1));
    ledger.record(C, entry('completed', 2));
    ledger.expire(TERM_MS + 1);
    expect(statesOf(ledger, [A, B, C])).toEqual(['started', undefined, 'completed']);
    ledger.record(A, entry('failed', 0));
    ledger.expire(TERM_MS + 1);
    expect([ledger.find(A), ledger.size, ledger.evicted]).toEqual([undefined, 1, 0]);
  });

  it('given new keys only, forgets what is over its term along with them', () => {
    const ledger = ledgerOf(1_000);
    for (let n = 0; n < 100; n++) ledger.record(uuidFrom('old', n), entry('completed', n));
    for (let n = 0; n < 50; n++) ledger.record(uuidFrom('new', n), entry('completed', TERM_MS + 100 + n));
    expect([ledger.size, ledger.evicted]).toEqual([50, 0]);
  });

  it('given very many over their term, forgets some thousand at a time', () => {
    const ledger = ledgerOf(10_000);
    for (let n = 0; n < 10_000; n++) ledger.record(uuidFrom(n), entry('completed'));
    const sizes = Array.from({ length: 3 }, () => {
      ledger.expire(TERM_MS);
      return ledger.size;
    });
    expect(sizes).toEqual([5_904, 1_808, 0]);
  });

  it('given one key too many, evicts the oldest that ended, and counts it', () => {
    const ledger = ledgerOf(2);
    ledger.record(A, entry('started'));
    ledger.record(B, entry('failed'));
    ledger.record(C, entry('completed'));
    expect([ledger.size, ledger.evicted, ledger.find(B)]).toEqual([2, 1, undefined]);
    expect(ledger.find(A)).toBeDefined();
  });

  it('given only open commands, goes over its limit rather than forget one, and comes back as they end', () => {
    const ledger = ledgerOf(1);
    for (const id of [A, B, C]) ledger.record(id, entry('started'));
    expect([ledger.size, ledger.evicted]).toEqual([3, 0]);
    for (const id of [C, A, B]) ledger.record(id, entry('completed'));
    expect([ledger.size, ledger.evicted]).toEqual([1, 2]);
    expect(statesOf(ledger, [A, B, C])).toEqual([undefined, 'completed', undefined]);
  });

  it('runs the term from the first claim, whatever was recorded later, and tells the oldest', () => {
    const ledger = ledgerOf(10);
    expect(ledger.oldestMs).toBeUndefined();
    ledger.record(A, entry('started', 100));
    ledger.record(B, entry('completed', 500));
    ledger.record(A, entry('completed', 100));
    expect(ledger.oldestMs).toBe(100);
    ledger.expire(TERM_MS + 100);
    expect([ledger.find(A), ledger.find(B)?.state, ledger.oldestMs]).toEqual([undefined, 'completed', 500]);
  });

  it('counts as evicted only what went before its term', () => {
    const ledger = ledgerOf(2);
    ledger.record(A, entry('started', 0));
    ledger.record(B, entry('started', 1));
    ledger.record(C, entry('started', 2));
    ledger.record(uuidFrom('d'), entry('completed', TERM_MS + 1));
    expect(ledger.evicted).toBe(1);
    ledger.record(A, entry('completed', 0));
    expect([ledger.find(A), ledger.evicted]).toEqual([undefined, 1]);
  });
});

describe('the ledger beside a plain map', () => {
  const names = Array.from({ length: 12 }, (_, n) => uuidFrom('name', n));
  const step = fc.record({
    id: fc.constantFrom(...names),
    state: fc.constantFrom<CommandState>('started', 'completed', 'failed', 'conflict'),
    payloadSha: fc.constantFrom(P, Q),
    passMs: fc.integer({ min: 0, max: 400 }),
    expire: fc.boolean(),
  });

  it('whatever happens, knows what the map knows, but for what is over its term', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), fc.integer({ min: 1, max: 12 }), (steps, maxKeys) => {
        const ledger = ledgerOf(maxKeys);
        const model = new LedgerModel({ maxKeys, termMs: TERM_MS });
        let nowMs = 0;
        for (const { id, state, payloadSha, passMs, expire } of steps) {
          nowMs += passMs;
          const before = ledger.find(id);
          if (before) expect(ledger.check(id, P).kind).toBe(before.payloadSha === P ? 'repeat' : 'mismatch');
          else expect(ledger.check(id, P)).toEqual({ kind: 'unknown' });
          // As the worker's state does: the first end stays, and a claim keeps its time and its payload.
          if (before && isTerminal(before.state)) continue;
          const next = before ? { ...before, state } : entry(state, nowMs, payloadSha);
          if (!before) model.forget(id);
          ledger.record(id, next);
          model.record(id, next);
          if (expire) {
            ledger.expire(nowMs);
            model.expire(nowMs);
          }
          for (const name of names) {
            const known = ledger.find(name);
            // Over its term it may be gone already (with the keys that came) or still be there (until the next sweep).
            if (known || !model.isOver(name, nowMs)) expect(known).toEqual(model.find(name));
          }
          expect(ledger.evicted).toBe(model.evicted);
          expect(ledger.size).toBe(names.filter((name) => ledger.find(name)).length);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('the size of the ledger', () => {
  const KEYS = 60_000;

  it('stays within 64 bytes a key when it is full, and does not grow any more', () => {
    const ledger = new Ledger({ maxKeys: KEYS, termMs: 1e12 });
    const fill = (from: number, to: number) => {
      for (let n = from; n < to; n++) ledger.record(uuidFrom(n), entry('completed', n));
    };
    fill(0, KEYS);
    const full = ledger.bytes;
    // Two segments of the ring are always on their way in or out: 0.1 MB, whatever the limit.
    expect((full - 2 * 57_344) / KEYS).toBeLessThanOrEqual(64);
    fill(KEYS, 2 * KEYS);
    expect([ledger.size, ledger.evicted]).toEqual([KEYS, KEYS]);
    expect(ledger.bytes).toBeLessThanOrEqual(full * 1.05);
    // Neither what went nor what stayed is mistaken for the other.
    for (let n = 0; n < 2 * KEYS; n += 7) expect(ledger.find(uuidFrom(n)) !== undefined).toBe(n >= KEYS);
  });

  it('takes no more for a limit that is not reached', () => {
    const ledger = new Ledger({ maxKeys: 100_000_000, termMs: 1e12 });
    ledger.record(A, entry('started'));
    expect(ledger.bytes).toBeLessThan(60_000);
  });
});
