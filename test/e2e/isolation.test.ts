import type { NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, newHome, removeHome, Spark } from '../support/spark.js';
import { expectEachOnce, outsideClient, type Published, publishScript } from './support/load.js';

/** product.md's number; a shared CI machine is spared the longer half of it. */
const QUEUED = process.env['CI'] ? 3_000 : 10_000;
const SESSIONS = 10;
const PIPELINED = 128;
const SAMPLES = 60;
const SAMPLE_EVERY_MS = 50;
/** Only what waits for A takes so long: A is away for as long as the samples are taken. */
const HANG_MS = 120_000;
/** A hundred times what half of them take on a quiet machine: a busy one stays below, a lane that waits for another does not. */
const PROMPT_MEDIAN_MS = 2_000;

const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;

describe(`editor A away with ${QUEUED} commands queued (3,000 where CI is set, else 10,000), one partition for both`, () => {
  const home = newHome();
  let spark: Spark;
  let nc: NatsConnection;
  let taken = 0;

  beforeAll(async () => {
    spark = await Spark.start({ home, env: { SPARK_PARTITIONS: '1' } });
    nc = await outsideClient(spark.endpoints);
    for (const editor of ['editor-a', 'editor-b']) await spark.sim('editors', { editor });
  });
  afterAll(async () => {
    await nc?.close();
    await spark.stop();
    removeHome(home);
  });

  /** Latencies of editor B from publish to the live terminal event, in ms, sorted. */
  async function sampleB(count: number): Promise<number[]> {
    const waiting = new Map<string, (ms: number) => void>();
    const subscription = nc.subscribe('spark.runtime.unity.*.b-session', {
      callback: (error, message) => {
        if (error || message.subject.includes('.started.')) return;
        const { result, type } = message.json<{ type: string; result?: { path: string } }>();
        expect(type).toBe('generate_unity_script.completed');
        waiting.get(result?.path ?? '')?.(performance.now());
      },
    });
    await nc.flush();
    const latencies: number[] = [];
    for (let sample = 0; sample < count; sample++) {
      const path = `Assets/B/Sample${++taken}.cs`;
      const sentMs = performance.now();
      const ended = new Promise<number>((resolve, reject) => {
        waiting.set(path, resolve);
        setTimeout(() => reject(new Error(`${path} did not end in time`)), HANG_MS).unref();
      });
      const command = { session: 'b-session', key: path, n: taken, path, editor: 'editor-b' };
      await publishScript(nc, command, HANG_MS);
      latencies.push((await ended) - sentMs);
      await new Promise((resolve) => setTimeout(resolve, SAMPLE_EVERY_MS));
    }
    subscription.unsubscribe();
    return latencies.sort((left, right) => left - right);
  }

  /** Publishes all of A's commands, `PIPELINED` in flight, each session in order. */
  async function queueA(): Promise<Published[]> {
    const commands = Array.from({ length: QUEUED }, (_, index): Published => {
      const [session, n] = [index % SESSIONS, Math.floor(index / SESSIONS) + 1];
      return { session: `a-${session}`, key: `key-${n}`, n, path: `Assets/A/S${session}N${n}.cs` };
    });
    const pending = new Set<Promise<void>>();
    for (const command of commands) {
      const publish = publishScript(nc, { ...command, editor: 'editor-a' }, HANG_MS).finally(() =>
        pending.delete(publish),
      );
      pending.add(publish);
      if (pending.size >= PIPELINED) await Promise.race(pending);
    }
    await Promise.all(pending);
    return commands;
  }

  it("B's commands complete as promptly as before; A's all complete in order once it is back", async () => {
    await sampleB(20);
    const before = await sampleB(SAMPLES);

    await spark.sim('reload', { editor: 'editor-a', ms: 15_000 });
    const keepAway = setInterval(
      () => void spark.sim('reload', { editor: 'editor-a', ms: 15_000 }).catch(() => undefined),
      3_000,
    );
    try {
      // While the burst comes in, B's commands lie behind A's in the one stream: they pass it, they do not wait for A.
      const [queued, whileQueueing] = await Promise.all([queueA(), sampleB(SAMPLES)]);
      const whileAway = await sampleB(SAMPLES);
      const held = (await spark.effects()).filter(({ editor }) => editor === 'editor-a');
      expect(held, 'A is really away').toEqual([]);
      clearInterval(keepAway);
      const told = { before, 'while A is being filled': whileQueueing, 'while A is away': whileAway };
      for (const [when, sorted] of Object.entries(told))
        console.log(
          `B ${when}: p50 ${quantile(sorted, 0.5).toFixed(1)} ms, p95 ${quantile(sorted, 0.95).toFixed(1)} ms, max ${quantile(sorted, 1).toFixed(1)} ms`,
        );
      console.log(
        `ratio of medians: ${(quantile(whileAway, 0.5) / quantile(before, 0.5)).toFixed(2)} away, ${(quantile(whileQueueing, 0.5) / quantile(before, 0.5)).toFixed(2)} filling`,
      );
      for (const sorted of [whileQueueing, whileAway])
        expect(quantile(sorted, 0.5)).toBeLessThan(PROMPT_MEDIAN_MS);

      const countA = async () => (await spark.effects()).filter(({ editor }) => editor === 'editor-a').length;
      await eventually(async () => expect(await countA()).toBeGreaterThan(0), { timeoutMs: 60_000 });
      const backAtMs = performance.now();
      const whileDraining = await sampleB(20);
      console.log(`B while A drains: p50 ${quantile(whileDraining, 0.5).toFixed(1)} ms`);
      await expectEachOnce(spark, queued, 400_000);
      console.log(
        `A's ${QUEUED} were done ${Math.round((performance.now() - backAtMs) / 1_000)} s after it was back`,
      );
      const attempts = await spark.sql(
        "SELECT attempts, count(*)::int AS n FROM spark_commands WHERE editor = 'editor-a' GROUP BY 1",
      );
      expect(attempts, 'being away spends no attempt').toEqual([{ attempts: 1, n: QUEUED }]);
    } finally {
      clearInterval(keepAway);
    }
  }, 600_000);
});
