import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { eventually, newHome, removeHome, Spark } from '../support/spark.js';
import { commandOfKey, eventTypes } from './support/history.js';

const menu = { tool: 'execute_menu_item', arguments: { menu_path: 'File/Save Project' } };
const LIMIT = 200 * 1024;
const argumentsOf = (bytes: number) => ({ a: 'x'.repeat(bytes - '{"a":""}'.length) });
const tooLarge = { ...menu, arguments: argumentsOf(LIMIT + 1) };
const callTool = (spark: Spark, sessionId: string, payload: object = menu) =>
  spark.submitAndWait({ type: 'unity.call_tool', sessionId, payload });
const toolsRun = async (spark: Spark, commandId?: unknown) =>
  (await spark.effects()).filter(
    (effect) => effect.tool === 'execute_menu_item' && (!commandId || effect.commandId === commandId),
  );

describe('unity.call_tool', () => {
  const home = newHome();
  let spark: Spark;
  afterEach(() => spark.stop());
  afterAll(() => removeHome(home));

  it('given nothing is configured, then it is refused on every way in, and nothing runs', async () => {
    spark = await Spark.start({ home });
    const { status, body } = await callTool(spark, 'off');
    expect([status, body['code']]).toEqual([403, 'tool_calls_disabled']);
    const list = await spark.http('/v1/commands', {
      body: [
        { type: 'unity.call_tool', sessionId: 'off', payload: menu },
        { type: 'unity.delete_script', sessionId: 'off', payload: { path: 'Assets/None.cs' } },
      ],
    });
    expect([list.status, list.body]).toMatchObject([
      202,
      [{ code: 'tool_calls_disabled' }, { status: 'accepted' }],
    ]);
    const nc = await spark.nats();
    const reply = await nc.request('spark.submit.default.unity.call_tool.off', JSON.stringify(menu), {
      timeout: 5_000,
    });
    expect(reply.json()).toMatchObject({ accepted: false, code: 'forbidden' });
    await spark.publish({ type: 'unity.call_tool', session: 'raw' }, menu, {
      'Spark-Idempotency-Key': 'raw',
    });
    await eventually(async () =>
      expect(await commandOfKey(spark, 'raw', 'raw')).toMatchObject({
        state: 'rejected',
        error_code: 'forbidden',
      }),
    );
    expect(await toolsRun(spark)).toEqual([]);
  });

  it('given it is switched on, then a token calls it once; a raw publish and spark.submit still do not', async () => {
    spark = await Spark.start({ home, env: { MCP_CALL_TOOL: 'on' } });
    const { status, body } = await callTool(spark, 'on');
    expect([status, body['state'], body['result']]).toMatchObject([
      200,
      'completed',
      { success: true, message: expect.stringContaining('File/Save Project'), data: {} },
    ]);
    expect(await toolsRun(spark, body['commandId'])).toHaveLength(1);
    const nc = await spark.nats();
    const reply = await nc.request('spark.submit.default.unity.call_tool.on', JSON.stringify(menu), {
      timeout: 5_000,
    });
    expect(reply.json()).toMatchObject({ accepted: false, code: 'forbidden' });
    await spark.publish({ type: 'unity.call_tool', session: 'raw-on' }, menu, {
      'Spark-Idempotency-Key': 'raw',
    });
    await eventually(async () =>
      expect(await commandOfKey(spark, 'raw-on', 'raw')).toMatchObject({
        state: 'rejected',
        error_code: 'forbidden',
      }),
    );
    expect(await toolsRun(spark)).toHaveLength(1);
    const large = await callTool(spark, 'on', tooLarge);
    expect(large.status).toBe(413);
    expect(large.body).toMatchObject({
      code: 'payload_too_large',
      errors: [{ pointer: '/payload/arguments', limit: LIMIT, unit: 'bytes' }],
    });
    expect(await toolsRun(spark)).toHaveLength(1);
    const failed = await callTool(spark, 'on', { tool: 'execute_menu_item', arguments: { menu_path: '' } });
    expect(failed.body).toMatchObject({ state: 'failed', error: { code: 'tool_failed' } });
    const stray = await callTool(spark, 'on', { ...menu, arguments: { unity_instance: 'Other@1234' } });
    expect(stray.body).toMatchObject({
      state: 'failed',
      error: { code: 'tool_failed', toolCode: 'routing' },
    });
    expect(await toolsRun(spark)).toHaveLength(1);
  });

  it('given the reply is lost, then the outcome is unknown, it is not called again, and an operator reconciles it once', async () => {
    spark = await Spark.start({ home, env: { MCP_CALL_TOOL: 'on' } });
    await spark.sim('faults', { editor: 'default', tool: 'execute_menu_item', fault: 'lose_reply' });
    const { body } = await callTool(spark, 'lost');
    const commandId = String(body['commandId']);
    expect(body).toMatchObject({ state: 'outcome_unknown', error: { code: 'outcome_unknown' } });
    expect(await toolsRun(spark, commandId)).toHaveLength(1);
    const path = `/v1/commands/${commandId}/reconcile`;
    const word = { verdict: 'applied', text: 'the project was saved' };
    expect((await spark.http(path, { body: { ...word, verdict: 'perhaps' } })).status).toBe(422);
    const said = await spark.http(path, { body: word });
    expect([said.status, said.body]).toMatchObject([200, { commandId, ...word, actor: 'token' }]);
    const again = await spark.http(path, { body: word });
    expect([again.status, again.body['code']]).toEqual([409, 'already_reconciled']);
    await eventually(async () => {
      const view = (await spark.http(`/v1/commands/${commandId}`)).body;
      expect(view).toMatchObject({ state: 'outcome_unknown', reconciled: { ...word, actor: 'token' } });
      expect(view['error']).toEqual(body['error']);
    });
    expect(await eventTypes(spark, commandId)).toEqual([
      'call_unity_tool.started',
      'call_unity_tool.failed',
      'call_unity_tool.reconciled',
    ]);
    expect(
      (await spark.http('/v1/commands/00000000-0000-4000-8000-000000000000/reconcile', { body: word }))
        .status,
    ).toBe(404);
  });

  it.each(['after_intent', 'after_call'])(
    'given SIGKILL at %s, then it ran at most once and its outcome is unknown',
    async (point) => {
      const session = `crash-${point}`;
      const doomed = await Spark.start({ home, env: { MCP_CALL_TOOL: 'on', SPARK_FAULT_POINT: point } });
      const before = (await toolsRun(doomed)).length;
      const accepted = await doomed.http('/v1/commands', {
        body: { type: 'unity.call_tool', sessionId: session, payload: menu, idempotencyKey: 'once' },
      });
      expect((await doomed.exited).signal, doomed.output).toBe('SIGKILL');
      await doomed.closeClients();
      spark = await Spark.start({ home, env: { MCP_CALL_TOOL: 'on' } });
      const row = await spark.command(String(accepted.body['commandId']));
      expect(row['state']).toBe('outcome_unknown');
      expect((await toolsRun(spark)).length - before).toBe(point === 'after_call' ? 1 : 0);
    },
  );
});
