import { createHash } from 'node:crypto';
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, newHome, removeHome, Spark } from '../support/spark.js';
import { SseReader } from '../support/sseReader.js';
import { GENERATE, newScript } from './support/scripts.js';

const PARTITIONS = 4;

describe('a client that has the server acknowledge its commands into SPARK’s own streams', () => {
  const home = newHome();
  let spark: Spark;
  const streams: SseReader[] = [];

  beforeAll(async () => {
    spark = await Spark.start({ home });
  });
  afterAll(async () => {
    for (const stream of streams) stream.close();
    await spark.stop();
    removeHome(home);
  });

  const listen = async (session: string): Promise<SseReader> => {
    const { http, token } = spark.endpoints;
    const stream = await new Promise<SseReader>((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}` };
      const path = `${http}/v1/sessions/${session}/events`;
      const req = request(path, { agent: false, headers }, (response) => resolve(new SseReader(response)));
      req.on('error', reject);
      req.end();
    });
    streams.push(stream);
    return stream;
  };

  /** The foreign messages of the log, each of which the projector keeps as a dead letter. */
  const unreadable = async () =>
    (
      await spark.sql<{ n: number }>(
        "SELECT count(*)::int AS n FROM spark_dead_letters WHERE reason = 'unreadable_event'",
      )
    )[0]?.n;

  const attack = async (...alsoTo: string[]): Promise<void> => {
    const nc = await spark.nats();
    const before = (await unreadable()) ?? 0;
    const logs = Array.from({ length: PARTITIONS }, (_, partition) => `spark.log.${partition}`);
    const others = [
      'spark.parked.default',
      'spark.dlq',
      'spark.dlq-actions',
      'spark.command-envelopes.0',
      'spark.canary',
      'spark.preview.unity.frame.attack',
      '$O.spark-uploads.M.attack',
      '$KV.spark-cancels.attack',
      'spark.internal.rate',
      'spark.internal.released',
      'spark.internal.editors-changed',
      '$KV.spark-editors.default',
      ...alsoTo,
    ];
    for (const reply of [...others, ...logs])
      nc.publish('spark.commands.default.unity.x.attack', '{}', { reply });
    await nc.flush();
    await eventually(async () => expect(await unreadable()).toBe(before + PARTITIONS));
  };

  /** A command, its undo and its redo: the redo writes what is stored as an image. */
  const expectWork = async (name: string, session: string): Promise<void> => {
    const script = newScript(name);
    const stream = await listen(session);
    for (const [type, payload] of [
      [GENERATE, script],
      ['session.undo', {}],
      ['session.redo', {}],
    ] as const) {
      const done = await spark.submitAndWait({ type, sessionId: session, payload });
      expect(done.body).toMatchObject({ state: 'completed' });
    }
    expect(spark.file(script.path)?.toString()).toBe(script.code);
    await stream.until(({ messages }) => messages.length >= 6);
    expect(stream.messages.map(({ event }) => event)).toEqual([
      'generate_unity_script.started',
      'generate_unity_script.completed',
      'undo.started',
      'undo.completed',
      'redo.started',
      'redo.completed',
    ]);
  };

  const imageOf = (name: string): string =>
    `spark.images.${createHash('sha256').update(newScript(name).code).digest('hex')}`;

  it('then commands are executed, undone and redone, and live streams flow', async () => {
    await expectWork('Before', 'before');
    await attack(imageOf('During'));
    await expectWork('During', 'during');
  });

  it('then the same holds for the next worker, after kill -9', async () => {
    await attack(imageOf('After'));
    await spark.kill9();
    spark = await Spark.start({ home });
    await expectWork('After', 'after');
    await attack();
    await expectWork('Again', 'again');
    // The letters themselves are still kept and shown.
    await spark.publishRaw(`spark.commands.default.${GENERATE}.letters`, 'no json');
    await eventually(async () =>
      expect(await spark.sql("SELECT reason FROM spark_dead_letters WHERE session_id = 'letters'")).toEqual([
        { reason: 'malformed_json' },
      ]),
    );
    const created = (await spark.effects()).filter(({ path }) => path === 'Assets/During.cs');
    expect(created.length).toBeGreaterThan(0);
  });
});
