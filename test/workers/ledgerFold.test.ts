import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commandIdOfKey, sha256 } from '../../src/core/ids.js';
import type { SparkEvent } from '../../src/events/event.js';
import { isTerminal } from '../../src/events/outcome.js';
import { WorkerState } from '../../src/workers/ledger/workerState.js';
import { completed, envelopeOf, failed, started, command as storyCommand } from '../support/story.js';

const TERM_MS = 1_000;

interface Step {
  readonly key: number;
  readonly payload: string;
  readonly end: 'completed' | 'failed' | 'conflict' | 'outcome_unknown' | 'cancelled' | 'rejected' | null;
  readonly passMs: number;
  readonly sweep: boolean;
}

const step = fc.record<Step>({
  key: fc.nat(7),
  payload: fc.constantFrom('p', 'q'),
  end: fc.constantFrom('completed', 'failed', 'conflict', 'outcome_unknown', 'cancelled', 'rejected', null),
  passMs: fc.integer({ min: 0, max: 500 }),
  sweep: fc.boolean(),
});

const idOf = (key: number) => commandIdOfKey('session-1', `key-${key}`);

/** The next event of a key: it begins when its ledger lets it, goes on to its end, and comes in vain otherwise. */
function nextEvent(
  state: WorkerState,
  { key, payload, end }: Step,
  seq: number,
  nowMs: number,
): SparkEvent | undefined {
  const commandId = idOf(key);
  const story = storyCommand({ commandId });
  const position = { partition: 0, seq, index: 0, count: 1 };
  if (state.open.has(commandId)) {
    if (end === null || end === 'rejected') return undefined;
    return { ...(end === 'completed' ? completed(story) : failed(story, end)), position };
  }
  const payloadSha = sha256(payload);
  const verdict = state.ledger.check(commandId, payloadSha);
  if (verdict.kind !== 'unknown' && state.ledger.find(commandId, nowMs)) return undefined;
  const envelope = { ...envelopeOf(story), payloadSha };
  if (end === 'rejected' || end === 'cancelled') return { ...failed(story, end), envelope, position };
  return { ...started(story), envelope, position };
}

describe('the ledger as a fold of the log', () => {
  it('folded anew from the events, knows what the one that lived through them knows, whenever that one swept', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150 }), fc.integer({ min: 1, max: 8 }), (steps, maxKeys) => {
        const limits = { maxKeys, termMs: TERM_MS };
        const live = new WorkerState(limits);
        const log: { event: SparkEvent; tsMs: number }[] = [];
        let nowMs = 1_000_000;
        for (const [at, one] of steps.entries()) {
          nowMs += one.passMs;
          const event = nextEvent(live, one, at + 1, nowMs);
          if (event) {
            log.push({ event, tsMs: nowMs });
            live.apply(event, nowMs);
          }
          if (one.sweep) live.ledger.expire(nowMs);
        }
        const fold = new WorkerState(limits);
        for (const { event, tsMs } of log) fold.apply(event, tsMs);
        expect([...fold.open.keys()].sort()).toEqual([...live.open.keys()].sort());
        for (let key = 0; key < 8; key++) {
          const folded = fold.ledger.find(idOf(key), nowMs);
          expect(folded).toEqual(live.ledger.find(idOf(key), nowMs));
          if (live.open.has(idOf(key))) expect(folded && isTerminal(folded.state)).toBe(false);
        }
        expect(fold.ledger.evicted).toBe(live.ledger.evicted);
      }),
      { numRuns: 400 },
    );
  });

  it('given a key that is claimed again after its term, the new claim holds for a term of its own', () => {
    const state = new WorkerState({ maxKeys: 10, termMs: TERM_MS });
    const story = storyCommand({ commandId: idOf(1) });
    const apply = (event: SparkEvent, nowMs: number) => state.apply(event, nowMs);
    apply(started(story), 0);
    apply(completed(story), 5);
    apply(started(story), TERM_MS);
    expect(state.ledger.find(idOf(1), TERM_MS)).toMatchObject({ state: 'started', recordedAtMs: TERM_MS });
    apply(completed(story), TERM_MS + 1);
    state.ledger.expire(2 * TERM_MS - 1);
    expect(state.ledger.find(idOf(1))).toMatchObject({ state: 'completed', recordedAtMs: TERM_MS });
  });
});

describe('two commands of one key, begun in two partitions at the same moment', () => {
  const story = storyCommand({ commandId: idOf(2) });
  const theirs = { ...started(story), envelope: { ...envelopeOf(story), payloadSha: sha256('theirs') } };
  const place = { partition: 1, seq: 7, index: 0, count: 1 };
  const ours = {
    ...started(story),
    envelope: { ...envelopeOf(story), payloadSha: sha256('ours') },
    position: place,
  };

  it('given our own, ended at once, behind the other in the log, then the other holds the key and is the one that is open', async () => {
    const state = new WorkerState({ maxKeys: 10, termMs: TERM_MS });
    const beginning = state.race.begin(story.commandId, place, async () => 9);
    for (const event of [ours, { ...failed(story, 'conflict'), position: place }]) state.apply(event, 20);
    await state.follow(theirs, 5, 10);
    await beginning;
    expect(state.race.decided(story.commandId)).toBe('taken');
    expect(state.open.get(story.commandId)).toEqual(theirs);
    expect(state.ledger.find(story.commandId)).toMatchObject({
      payloadSha: sha256('theirs'),
      state: 'started',
      recordedAtMs: 10,
    });
    await state.follow(completed(story), 12, 30);
    expect(state.ledger.find(story.commandId)).toMatchObject({ state: 'completed', recordedAtMs: 10 });
  });

  it('given a beginning behind the end of the other, then whoever only reads does not take it for one that is open', async () => {
    const state = new WorkerState({ maxKeys: 10, termMs: TERM_MS });
    await state.follow(theirs, 5, 10);
    await state.follow(completed(story), 6, 11);
    await state.follow(ours, 9, 12);
    expect(state.open.size).toBe(0);
    expect(state.ledger.find(story.commandId)).toMatchObject({
      payloadSha: sha256('theirs'),
      state: 'completed',
    });
    await state.follow(ours, 10, 10 + TERM_MS);
    expect([...state.open.values()]).toEqual([ours]);
  });
});
