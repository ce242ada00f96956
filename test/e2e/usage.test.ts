import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, newHome, removeHome, Spark } from '../support/spark.js';

describe('usage', () => {
  const home = newHome();
  let spark: Spark;

  beforeAll(async () => {
    spark = await Spark.start({ home });
  });
  afterAll(async () => {
    await spark.stop();
    removeHome(home);
  });

  const rowsOf = (session: string) =>
    spark.sql('SELECT * FROM spark_usage WHERE session_id = $1 ORDER BY seq', [session]);

  it('given a report over HTTP, it is told live, recorded as an event and a row of spark_usage, once a key', async () => {
    const nc = await spark.nats();
    const live = nc.subscribe('spark.runtime.usage.reported.*', { max: 1 });
    const heard = (async () => {
      for await (const message of live)
        return [message.subject, message.json<Record<string, unknown>>()] as const;
      return undefined;
    })();
    await nc.flush();
    const body = {
      sessionId: 'usage-http',
      model: 'model-x',
      inputTokens: 1_200,
      outputTokens: 34,
      costUsd: 0.0125,
    };
    const headers = { prefer: 'wait=30', 'idempotency-key': 'usage-1' };
    const first = await spark.http('/v1/usage', { body, headers });
    expect([first.status, first.body['state']], JSON.stringify(first.body)).toEqual([200, 'completed']);
    const again = await spark.http('/v1/usage', { body, headers });
    expect(again.body).toMatchObject({ commandId: first.body['commandId'], duplicate: true });

    expect(await heard).toEqual([
      'spark.runtime.usage.reported.usage-http',
      expect.objectContaining({
        type: 'usage.reported',
        commandId: first.body['commandId'],
        model: 'model-x',
        inputTokens: 1_200,
        outputTokens: 34,
        costUsd: 0.0125,
      }),
    ]);
    const rows = await eventually(async () => {
      const found = await rowsOf('usage-http');
      expect(found).toHaveLength(1);
      return found;
    });
    expect(rows[0]).toMatchObject({
      command_id: first.body['commandId'],
      command_type: 'usage.report',
      actor: 'token',
      model: 'model-x',
      input_tokens: '1200',
      output_tokens: '34',
      cost_usd: '0.0125',
    });
    expect(
      await spark.sql(
        "SELECT payload->'note'->>'model' AS model FROM spark_events WHERE type = 'usage.reported' AND session_id = 'usage-http'",
      ),
    ).toHaveLength(1);
  });

  it('given a report as a raw publish, without a cost, it counts as well; a bad one is refused', async () => {
    await spark.publish(
      { type: 'usage.report', session: 'usage-raw' },
      { model: 'model-y', inputTokens: 1, outputTokens: 0 },
      { 'Spark-Actor': 'agent-7' },
    );
    await eventually(async () =>
      expect(await rowsOf('usage-raw')).toMatchObject([
        { model: 'model-y', input_tokens: '1', output_tokens: '0', cost_usd: null, actor: 'agent-7' },
      ]),
    );
    const bad = await spark.http('/v1/usage', {
      body: { sessionId: 'usage-raw', model: 'm', inputTokens: -1 },
    });
    expect(bad.status).toBe(422);
    expect(bad.body['errors']).toEqual([
      expect.objectContaining({ pointer: '/inputTokens', message: 'must be at least 0' }),
      expect.objectContaining({ pointer: '/outputTokens', message: 'is required' }),
    ]);
  });

  it('given the feed and the standby, a command has the same times in both answers', async () => {
    const body = { sessionId: 'usage-times', model: 'm', inputTokens: 1, outputTokens: 1 };
    const live = await spark.http('/v1/usage', { body, headers: { prefer: 'wait=30' } });
    const id = String(live.body['commandId']);
    await spark.command(id);
    const later = (await spark.http(`/v1/commands/${id}`)).body;
    expect(later['source']).toBe('replica');
    for (const time of ['acceptedAt', 'startedAt', 'finishedAt'])
      expect([time, live.body[time]]).toEqual([time, later[time]]);
  });

  it('given a command that failed without a call, it has the same attempts in both answers', async () => {
    const live = await spark.submitAndWait({
      type: 'unity.delete_script',
      sessionId: 'usage-attempts',
      payload: { path: 'Assets/None.cs' },
    });
    const id = String(live.body['commandId']);
    await spark.command(id);
    const later = (await spark.http(`/v1/commands/${id}`)).body;
    expect(later).toMatchObject({ source: 'replica', state: 'failed' });
    expect(live.body['attempts']).toBe(later['attempts']);
  });
});
