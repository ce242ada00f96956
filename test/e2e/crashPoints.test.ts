import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { FAULT_POINTS } from '../../src/workers/execute/executeContext.js';
import { treeOf } from '../support/projectTree.js';
import { eventually, newHome, removeHome, Spark, Stop } from '../support/spark.js';
import { commandOfKey, effectsOn, eventTypes, expectChain, scriptOf, shaOf } from './support/history.js';

const KB_200 = 200 * 1024;

/** Starts with the fault, lets `act` bring the process to it, and starts again without: what a supervisor does after a crash. */
async function crashAndRestart(home: string, fault: string, act: (spark: Spark) => Promise<unknown>) {
  const doomed = await Spark.start({ home, env: { SPARK_FAULT_POINT: fault } });
  await act(doomed);
  // One that does not get there would keep its home, and the next test with it.
  const late = setTimeout(() => doomed.child.kill('SIGTERM'), 60_000);
  expect(await doomed.exited, doomed.output).toEqual({ code: null, signal: 'SIGKILL' });
  clearTimeout(late);
  await doomed.closeClients();
  return Spark.start({ home });
}

const generate = (spark: Spark, session: string, key: string, payload: object) =>
  spark.publish({ type: 'unity.generate_script', session }, payload, { 'Spark-Idempotency-Key': key });

describe('a process killed with SIGKILL at a named step of a command', () => {
  const home = newHome();
  let spark: Spark | undefined;

  afterEach(async () => {
    await spark?.stop();
    spark = undefined;
  });
  afterAll(() => removeHome(home));

  /** The command ended exactly once: one row, one beginning, one end, and between them what `notes` name. */
  const endedOnce = (
    running: Spark,
    session: string,
    key: string,
    name: string,
    notes: readonly string[] = [],
  ) =>
    eventually(
      async () => {
        const row = await commandOfKey(running, session, key);
        if (!['accepted', 'started', 'completed'].includes(row.state))
          throw new Stop(`${session} ${key} is ${row.state}: ${row.error_code}`);
        expect(row.state).toBe('completed');
        const events = await eventTypes(running, row.command_id);
        if (events.length > 2 + notes.length)
          throw new Stop(`${session} ${key} has the events ${events.join(' ')}`);
        expect(events).toEqual([`${name}.started`, ...notes, `${name}.completed`]);
        return row;
      },
      { timeoutMs: 60_000 },
    );

  it.each(FAULT_POINTS)('%s: generate_script has one effect and one end after the restart', async (point) => {
    const name = `At_${point}`;
    const path = `Assets/Crash/${name}.cs`;
    const code = `class ${name} {}\r\n`;
    spark = await crashAndRestart(home, point, (doomed) =>
      generate(doomed, `crash-${point}`, 'one', { name, path, code }),
    );
    await endedOnce(spark, `crash-${point}`, 'one', 'generate_unity_script');
    expectChain(await effectsOn(spark, path), { from: null, to: shaOf(code) });
    expect(await effectsOn(spark, path)).toHaveLength(1);
    expect(spark.file(path)).toEqual(Buffer.from(code));
    // The same key again, after all that: the ledger knows it, nothing happens.
    await generate(spark, `crash-${point}`, 'one', { name, path, code });
    const next = { name: `Next_${point}`, path: `Assets/Crash/Next_${point}.cs`, code };
    await generate(spark, `crash-${point}`, 'two', next);
    await endedOnce(spark, `crash-${point}`, 'two', 'generate_unity_script');
    expect(await effectsOn(spark, path)).toHaveLength(1);
  });

  it('after_call of an undo: the file and its .meta are gone once, and the operation is undone', async () => {
    const path = 'Assets/Crash/Undone.cs';
    const code = 'class Undone {}';
    // The first call is the script's own; the second is the undo's.
    spark = await crashAndRestart(home, 'after_call:2', async (doomed) => {
      await generate(doomed, 'crash-undo', 'make', { name: 'Undone', path, code });
      await doomed.publish({ type: 'session.undo', session: 'crash-undo' }, {}, { 'Nats-Msg-Id': 'undo' });
    });
    await endedOnce(spark, 'crash-undo', 'make', 'generate_unity_script');
    await endedOnce(spark, 'crash-undo', 'undo', 'undo');
    const effects = await effectsOn(spark, path);
    expect(effects.map(({ beforeSha, afterSha }) => [beforeSha, afterSha])).toEqual([
      [null, shaOf(code)],
      [shaOf(code), null],
    ]);
    expect(spark.file(path)).toBeUndefined();
    expect(spark.file(`${path}.meta`)).toBeUndefined();
    const operations = await spark.sql("SELECT state FROM spark_operations WHERE session_id = 'crash-undo'");
    expect(operations).toEqual([{ state: 'undone' }]);
  });

  it('after_call of a redo: the file is back once, and the operation is applied', async () => {
    const path = 'Assets/Crash/Redone.cs';
    const code = 'class Redone {}';
    spark = await crashAndRestart(home, 'after_call:3', async (doomed) => {
      await generate(doomed, 'crash-redo', 'make', { name: 'Redone', path, code });
      for (const move of ['undo', 'redo'])
        await doomed.publish(
          { type: `session.${move}`, session: 'crash-redo' },
          {},
          { 'Spark-Idempotency-Key': move },
        );
    });
    await endedOnce(spark, 'crash-redo', 'undo', 'undo');
    await endedOnce(spark, 'crash-redo', 'redo', 'redo');
    const effects = await effectsOn(spark, path);
    expect(effects.map(({ beforeSha, afterSha }) => [beforeSha, afterSha])).toEqual([
      [null, shaOf(code)],
      [shaOf(code), null],
      [null, shaOf(code)],
    ]);
    expect(spark.file(path)?.toString()).toBe(code);
    const operations = await spark.sql("SELECT state FROM spark_operations WHERE session_id = 'crash-redo'");
    expect(operations).toEqual([{ state: 'applied' }]);
  });

  it('after_call of the fifth file of a preset: every file is made once, and one undo takes all of it back', async () => {
    const session = 'crash-preset';
    let before: object = {};
    const project = (running: Spark) => running.readEndpoints().unityProjects['default'] ?? '';
    spark = await crashAndRestart(home, 'after_call:5', async (doomed) => {
      before = treeOf(project(doomed));
      await doomed.publish(
        { type: 'preset.apply', session },
        { presetId: 'top-down-action' },
        { 'Spark-Idempotency-Key': 'apply' },
      );
    });
    const { command_id: commandId } = await endedOnce(spark, session, 'apply', 'preset_apply');
    const view = (await spark.http(`/v1/commands/${commandId}`)).body;
    const files = (view['result'] as { files: { path: string; sha256: string }[] }).files;
    expect(files.length).toBeGreaterThan(5);
    // Everything else is written beside the server with its .meta, so the editor has nothing to do for it.
    const scripts = files.filter(({ path }) => path.endsWith('.cs'));
    expect(scripts.length).toBeGreaterThan(5);
    const effects = (await spark.effects()).filter((effect) => effect.commandId === commandId);
    expect(effects.map(({ path, beforeSha, afterSha }) => [path, beforeSha, afterSha])).toEqual(
      scripts.map(({ path, sha256 }) => [path, null, sha256]),
    );
    for (const { path, sha256 } of files) expect(shaOf(spark.file(path) ?? ''), path).toBe(sha256);
    const undone = await spark.submitAndWait({ type: 'session.undo', sessionId: session, payload: {} });
    expect(undone.body).toMatchObject({ state: 'completed', result: { operations: files.length } });
    expect(treeOf(project(spark))).toEqual(before);
  });

  it('before_finish of a usage report: it counts once', async () => {
    const session = 'crash-usage';
    spark = await crashAndRestart(home, 'before_finish', (doomed) =>
      doomed.publish(
        { type: 'usage.report', session },
        { model: 'model-x', inputTokens: 3, outputTokens: 4 },
        { 'Spark-Idempotency-Key': 'report' },
      ),
    );
    const row = await endedOnce(spark, session, 'report', 'usage_report', ['usage.reported']);
    expect(
      await spark.sql('SELECT command_id, model, input_tokens FROM spark_usage WHERE session_id = $1', [
        session,
      ]),
    ).toEqual([{ command_id: row.command_id, model: 'model-x', input_tokens: '3' }]);
  });

  it('before_finish of an import: its operations are there once, and can be undone', async () => {
    const session = 'crash-import';
    const path = 'Assets/Crash/Imported.cs';
    const code = 'class Imported {}\n';
    const operation = {
      operationId: '0f0e0d0c-0b0a-8908-8706-050403020100',
      ts: '2026-01-01T00:00:00Z',
      editor: 'default',
      path,
      tool: 'unity.generate_script',
      state: 'applied',
      before: null,
      after: { sha256: shaOf(code), bytes: code.length, meta: null },
    };
    // The script's own end comes first; it also brings the image into the store.
    spark = await crashAndRestart(home, 'before_finish:2', async (doomed) => {
      await generate(doomed, 'crash-import-made', 'make', { name: 'Imported', path, code });
      await eventually(() => expect(doomed.file(path)).toBeDefined());
      await doomed.publish(
        { type: 'session.import', session },
        { operations: [operation] },
        { 'Spark-Idempotency-Key': 'import' },
      );
    });
    const row = await endedOnce(spark, session, 'import', 'import');
    const [imported, ...others] = await spark.sql(
      'SELECT operation_id, path, state FROM spark_operations WHERE session_id = $1',
      [session],
    );
    expect([imported, others]).toMatchObject([{ path, state: 'applied' }, []]);
    expect((await spark.http(`/v1/commands/${row.command_id}`)).body['result']).toMatchObject({
      operations: 1,
      imported: [{ from: operation.operationId, operationId: imported?.['operation_id'] }],
    });
    const undone = await spark.submitAndWait({ type: 'session.undo', sessionId: session, payload: {} });
    expect(undone.body, JSON.stringify(undone.body)).toMatchObject({ state: 'completed' });
    expect(spark.file(path)).toBeUndefined();
  });

  it.each([1, 2, 3])(
    'after_call of step %i of a 200 KB overwrite: it goes on from where it stood, no step twice',
    async (step) => {
      const session = `crash-large-${step}`;
      const path = `Assets/Crash/Large${step}.cs`;
      const [before, after] = [scriptOf(`Large${step}`, KB_200), scriptOf(`Other${step}`, KB_200)];
      const name = `Large${step}`;
      spark = await crashAndRestart(home, `after_call:${1 + step}`, async (doomed) => {
        await generate(doomed, session, 'make', { name, path, code: before });
        await generate(doomed, session, 'over', { name, path, code: after, overwrite: true });
      });
      await endedOnce(spark, session, 'over', 'generate_unity_script');
      const effects = await effectsOn(spark, path);
      const steps = effects.slice(1);
      expect(steps.length, 'it takes several steps').toBeGreaterThan(2);
      expectChain(effects, { from: null, to: shaOf(after) });
      expect(spark.file(path)).toEqual(Buffer.from(after));
      expect(new Set(steps.map((effect) => effect.commandId)).size).toBe(1);
    },
  );
});
