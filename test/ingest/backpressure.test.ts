import { describe, expect, it } from 'vitest';
import { Backpressure } from '../../src/ingest/backpressure.js';
import type { BacklogSample } from '../../src/ingest/ports.js';

const sample = (over: Partial<BacklogSample> = {}): BacklogSample => ({
  waitingMessages: 0,
  unackedMessages: 0,
  parkedBatches: 0,
  heldCommands: 0,
  streamBytes: 0,
  streamMaxBytes: 1_000,
  ...over,
});
const pressure = () => new Backpressure({ backlogMax: 100, queueWatermark: 0.75 });

describe('backpressure', () => {
  it('given a backlog below three quarters of its limit, lets commands in', () => {
    const brake = pressure();
    brake.sample(sample({ waitingMessages: 74 }), 0);
    expect([brake.verdict(), brake.backlog]).toEqual([undefined, 74]);
  });

  it('at the mark refuses with the place in the queue, and goes on refusing until half of it', () => {
    const brake = pressure();
    brake.sample(sample({ waitingMessages: 75 }), 0);
    expect(brake.verdict()).toEqual({ reason: 'backlog', queuePosition: 76, retryAfterMs: 30_000 });
    brake.sample(sample({ waitingMessages: 38 }), 100);
    expect(brake.verdict()).toBeDefined();
    brake.sample(sample({ waitingMessages: 37 }), 200);
    expect(brake.verdict()).toBeUndefined();
    brake.sample(sample({ waitingMessages: 74 }), 300);
    expect(brake.verdict()).toBeUndefined();
  });

  it('between two samples counts what it accepted itself', () => {
    const brake = pressure();
    for (let n = 0; n < 74; n++) brake.accepted(1);
    expect(brake.verdict()).toBeUndefined();
    brake.accepted(1);
    expect(brake.verdict()?.queuePosition).toBe(76);
  });

  it('counts what the workers hold, parked too; without their word messages stand for commands', () => {
    const brake = pressure();
    brake.sample(sample({ heldCommands: 60, unackedMessages: 5 }), 0);
    expect(brake.backlog).toBe(60);
    brake.sample(sample({ heldCommands: undefined, unackedMessages: 5, parkedBatches: 3 }), 1);
    expect(brake.backlog).toBe(8);
  });

  it('takes a waiting message for as many commands as its own envelopes hold on average', () => {
    const brake = pressure();
    for (let n = 0; n < 200; n++) brake.accepted(10);
    brake.sample(sample({ waitingMessages: 10 }), 0);
    expect(brake.backlog).toBe(100);
  });

  it('says to come back when the excess will be gone, between one second and thirty', () => {
    const brake = pressure();
    brake.sample(sample({ waitingMessages: 2_000 }), 0);
    for (let n = 1; n <= 40; n++) brake.sample(sample({ waitingMessages: 2_000 - n * 20 }), n * 100);
    const { retryAfterMs } = brake.verdict() ?? { retryAfterMs: 0 };
    expect(retryAfterMs).toBeGreaterThan(4_000);
    expect(retryAfterMs).toBeLessThan(8_000);
    brake.sample(sample({ waitingMessages: 80 }), 4_001);
    expect(brake.verdict()?.retryAfterMs).toBe(1_000);
  });

  it('given a refusal of the stream itself, refuses until it is half empty', () => {
    const brake = pressure();
    brake.streamFull();
    expect(brake.verdict()?.reason).toBe('stream_full');
    brake.sample(sample({ streamBytes: 900 }), 0);
    expect(brake.verdict()?.reason).toBe('stream_full');
    brake.sample(sample({ streamBytes: 501 }), 1);
    expect(brake.verdict()?.reason).toBe('stream_full');
    brake.sample(sample({ streamBytes: 500 }), 2);
    expect(brake.verdict()).toBeUndefined();
  });

  it('given a stream nearly full, refuses before it is', () => {
    const brake = pressure();
    brake.sample(sample({ streamBytes: 949 }), 0);
    expect(brake.verdict()).toBeUndefined();
    brake.sample(sample({ streamBytes: 950 }), 1);
    expect(brake.verdict()?.reason).toBe('stream_full');
  });

  it('given a stream without a limit, looks at the backlog only', () => {
    const brake = pressure();
    brake.sample(sample({ streamBytes: 10 ** 12, streamMaxBytes: -1 }), 0);
    expect(brake.verdict()).toBeUndefined();
  });
});
