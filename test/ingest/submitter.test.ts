import { afterEach, describe, expect, it } from 'vitest';
import type { CommandRequest } from '../../src/commands/envelope.js';
import { commandIdOfPosition } from '../../src/core/ids.js';
import { Backpressure } from '../../src/ingest/backpressure.js';
import { candidateOf } from '../../src/ingest/planBatch.js';
import type { BacklogSample, LedgerLookup, PublishResult } from '../../src/ingest/ports.js';
import { CoalescingSubmitter } from '../../src/ingest/submitter.js';
import { AutoClock } from '../support/autoClock.js';
import { aRequest, type CommandWish, STREAM_CREATED, scriptPayload } from '../support/commandFixtures.js';

const EMPTY: BacklogSample = {
  waitingMessages: 0,
  unackedMessages: 0,
  parkedBatches: 0,
  heldCommands: 0,
  streamBytes: 0,
  streamMaxBytes: 1_000,
};
const other = scriptPayload('Assets/Other.cs');
const running: CoalescingSubmitter[] = [];
afterEach(async () => {
  for (const submitter of running.splice(0)) await submitter.stop();
});

/** A submitter before a stream in memory; `answers` come first, then everything is stored. */
function setup(answers: PublishResult[] = [], lookup: LedgerLookup = async () => []) {
  const stored: { partition: number; messageId: string; requests: readonly CommandRequest[] }[] = [];
  const attempts: string[] = [];
  let accepted = 0;
  const clock = new AutoClock();
  const backpressure = new Backpressure({ backlogMax: 100_000, queueWatermark: 0.75 });
  const submitter = new CoalescingSubmitter({
    publisher: {
      streamCreated: STREAM_CREATED,
      partitionOf: (editor) => (editor === 'right' ? 1 : 0),
      publish: async (partition, requests, messageId) => {
        attempts.push(messageId);
        const answer = answers.shift();
        if (answer) return answer;
        const before = stored.findIndex((message) => message.messageId === messageId);
        if (before >= 0) return { kind: 'stored', seq: before + 1, duplicate: true };
        stored.push({ partition, messageId, requests });
        return { kind: 'stored', seq: stored.length, duplicate: false };
      },
    },
    probe: async () => EMPTY,
    lookup,
    backpressure,
    clock,
    coalesceMs: 1,
    keyTermMs: 60_000,
    publishTimeoutMs: 1_000,
    onAccepted: (commands) => {
      accepted += commands;
    },
    onProbeError: () => undefined,
  });
  running.push(submitter);
  const submit = (...wishes: CommandWish[]) => submitter.submit(wishes.map((wish) => aRequest(wish)));
  return { submitter, submit, stored, attempts, backpressure, clock, accepted: () => accepted };
}
const failed: PublishResult = { kind: 'failed', error: new Error('no answer') };

describe('the submitter', () => {
  it('given what must be there first, does that only when it may store, and stores nothing when that fails', async () => {
    const { submitter, stored, backpressure } = setup();
    const requests = [aRequest({ key: 'a' })];
    const seen: number[] = [];
    const first = await submitter.submit(requests, async () => {
      seen.push(stored.length);
    });
    expect([first[0]?.kind, seen, stored.length]).toEqual(['accepted', [0], 1]);
    const broken = await submitter.submit(requests, () => Promise.reject(new Error('gone')));
    expect([broken[0]?.kind, stored.length]).toEqual(['unavailable', 1]);
    backpressure.streamFull();
    const refused = await submitter.submit(requests, async () => {
      seen.push(stored.length);
    });
    expect([refused[0]?.kind, seen]).toEqual(['saturated', [0]]);
  });

  it('given requests at one moment, stores one message a partition and answers each in its place', async () => {
    const { submit, stored, accepted } = setup();
    const [first, second] = await Promise.all([submit({ key: 'a' }, { editor: 'right' }), submit({})]);
    expect(stored.map(({ partition, requests }) => [partition, requests.length])).toEqual([
      [0, 2],
      [1, 1],
    ]);
    expect(first).toMatchObject([
      {
        kind: 'accepted',
        commandId: candidateOf(aRequest({ key: 'a' })).commandId,
        duplicate: false,
        status: 'accepted',
      },
      { kind: 'accepted', commandId: commandIdOfPosition(STREAM_CREATED, 2, 0) },
    ]);
    expect(second).toMatchObject([
      { commandId: commandIdOfPosition(STREAM_CREATED, 1, 1), duplicate: false },
    ]);
    expect(accepted()).toBe(3);
  });

  it('given nothing, answers nothing', async () => {
    expect(await setup().submit()).toEqual([]);
  });

  it('given a key twice in a batch, stores it once and calls the second a duplicate', async () => {
    const { submit, stored } = setup();
    const [first, second, third] = await submit({ key: 'a' }, { key: 'a' }, { key: 'a', payload: other });
    expect(first).toMatchObject({ kind: 'accepted', duplicate: false });
    expect(second).toEqual({ ...first, duplicate: true });
    expect(third).toMatchObject({ kind: 'refused', refusal: { code: 'idempotency_mismatch' } });
    expect(stored[0]?.requests).toHaveLength(1);
  });

  it('given a key it accepted a moment ago, knows it without the workers', async () => {
    const { submit, stored } = setup();
    const [first] = await submit({ key: 'a' });
    expect(await submit({ key: 'a' })).toEqual([{ ...first, duplicate: true }]);
    expect(await submit({ key: 'a', payload: other })).toMatchObject([{ kind: 'refused' }]);
    expect(stored).toHaveLength(1);
  });

  it('given a key the workers know, answers with its state', async () => {
    const { commandId, payloadSha } = candidateOf(aRequest({ key: 'a' }));
    const { submit, stored } = setup([], async (ids) =>
      ids.map((id) => ({ commandId: id, payloadSha, state: 'completed' })),
    );
    expect(await submit({ key: 'a' })).toEqual([
      { kind: 'accepted', commandId, duplicate: true, status: 'completed' },
    ]);
    expect(await submit({ key: 'a', payload: other })).toMatchObject([{ kind: 'refused' }]);
    expect(stored).toEqual([]);
  });

  it('given a publish that failed and is stored at the second try, accepts, under one message id', async () => {
    const { submit, attempts, accepted } = setup([failed]);
    expect(await submit({ key: 'a' })).toMatchObject([{ kind: 'accepted', duplicate: false }]);
    expect([new Set(attempts).size, attempts.length, accepted()]).toEqual([1, 2, 1]);
  });

  it('given a publish that was stored although its answer got lost, does not call it a duplicate of itself', async () => {
    const { submit, accepted } = setup([failed, { kind: 'stored', seq: 9, duplicate: true }]);
    expect(await submit({})).toMatchObject([
      { kind: 'accepted', commandId: commandIdOfPosition(STREAM_CREATED, 9, 0), duplicate: false },
    ]);
    expect(accepted()).toBe(1);
  });

  it('given a message that another process stored, calls it a duplicate and counts it once', async () => {
    const { submit, accepted } = setup([{ kind: 'stored', seq: 9, duplicate: true }]);
    expect(await submit({ key: 'a' })).toMatchObject([{ kind: 'accepted', duplicate: true }]);
    expect(accepted()).toBe(0);
  });

  it('given a stream that never answers, says so in time; the same key may come again', async () => {
    const { submit, clock, attempts } = setup(Array(50).fill(failed));
    const began = clock.monotonicMs();
    expect(await submit({ key: 'a' })).toMatchObject([{ kind: 'unavailable', retryAfterMs: 1_000 }]);
    expect(clock.monotonicMs() - began).toBeLessThan(1_300);
    expect(attempts.length).toBeLessThan(15);
    expect(await submit({ key: 'a' })).toMatchObject([{ kind: 'unavailable' }]);
  });

  it('given a full stream, refuses all of that partition, lets nothing overtake, and the other partition in', async () => {
    const { submit, stored, backpressure } = setup([{ kind: 'full' }]);
    const big = 'x'.repeat(190_000);
    const wishes = [...Array(6)].map((_, n) => ({
      key: `k${n}`,
      payload: scriptPayload(`Assets/N${n}.cs`, big),
    }));
    const results = await submit(...wishes, { key: 'k0', payload: wishes[0]?.payload }, { editor: 'right' });
    expect(results.slice(0, 7)).toEqual(
      Array(7).fill(expect.objectContaining({ kind: 'saturated', reason: 'stream_full' })),
    );
    expect(results[7]).toMatchObject({ kind: 'accepted' });
    expect(stored.map(({ partition }) => partition)).toEqual([1]);
    expect(backpressure.verdict()?.reason).toBe('stream_full');
    expect(await submit({})).toMatchObject([{ kind: 'saturated', reason: 'stream_full' }]);
  });

  it('given a failure in the middle of a batch, keeps what was stored before and stores nothing after', async () => {
    const { submit, stored } = setup();
    const big = 'x'.repeat(190_000);
    const wishes = [...Array(8)].map((_, n) => ({ payload: scriptPayload(`Assets/N${n}.cs`, big) }));
    const { submit: submitFailing, stored: kept } = setup([
      { kind: 'stored', seq: 1, duplicate: false },
      { kind: 'full' },
    ]);
    const kinds = (await submitFailing(...wishes)).map(({ kind }) => kind);
    expect(kinds.indexOf('saturated')).toBeGreaterThan(0);
    expect(kinds.slice(kinds.indexOf('saturated')).every((kind) => kind === 'saturated')).toBe(true);
    expect(kept).toEqual([]);
    await submit(...wishes);
    expect(
      stored.flatMap(({ requests }) => requests.map(({ payload }) => (payload as { path: string }).path)),
    ).toEqual(wishes.map(({ payload }) => payload.path));
  });

  it('given above the high water mark, refuses at once with the place in the queue', async () => {
    const { submit, stored, backpressure } = setup();
    backpressure.sample({ ...EMPTY, waitingMessages: 75_000 }, 0);
    expect(await submit({}, {})).toEqual(
      Array(2).fill({ kind: 'saturated', reason: 'backlog', queuePosition: 75_001, retryAfterMs: 30_000 }),
    );
    expect(stored).toEqual([]);
  });

  it('given a ledger that cannot be asked, says unavailable and works again afterwards', async () => {
    let broken = true;
    const { submit } = setup([], async () => {
      if (broken) throw new Error('no ledger');
      return [];
    });
    expect(await submit({ key: 'a' })).toMatchObject([{ kind: 'unavailable' }]);
    broken = false;
    expect(await submit({ key: 'a' })).toMatchObject([{ kind: 'accepted' }]);
  });

  it('keeps the order of what comes while it stores', async () => {
    const { submit, stored } = setup();
    const results = [];
    for (let n = 0; n < 30; n++) {
      results.push(submit({ payload: scriptPayload(`Assets/N${n}.cs`) }));
      if (n % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(results);
    expect(
      stored.flatMap(({ requests }) => requests.map(({ payload }) => (payload as { path: string }).path)),
    ).toEqual(Array.from({ length: 30 }, (_, n) => `Assets/N${n}.cs`));
    expect(stored.length).toBeLessThan(30);
  });

  it('stopped, has answered everything; start and stop may be repeated', async () => {
    const { submitter, submit } = setup();
    await submitter.start();
    await submitter.start();
    let answered = false;
    const result = submit({}).then(() => {
      answered = true;
    });
    await submitter.stop();
    await result;
    await submitter.stop();
    expect(answered).toBe(true);
  });
});
