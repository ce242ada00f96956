import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../support/cli.js';
import { eventually, newHome, removeHome, Spark } from '../support/spark.js';

const MODELS = [
  'spark_events',
  'spark_commands',
  'spark_function_calls',
  'spark_generated_scripts',
  'spark_previews',
  'spark_build_jobs',
  'spark_operations',
  'spark_sessions',
  'spark_usage',
];

describe('a rebuild after builds, usage, previews and units', () => {
  const home = newHome();
  let spark: Spark;
  beforeAll(async () => {
    spark = await Spark.start({ home, env: { MCP_BUILD_POLL_MS: '250' } });
  });
  afterAll(async () => {
    await spark.stop();
    removeHome(home);
  });

  const completed = async (type: string, sessionId: string, payload: unknown) => {
    const { body } = await spark.submitAndWait({ type, sessionId, payload });
    expect(body, JSON.stringify(body)).toMatchObject({ state: 'completed' });
  };
  const dump = async () => {
    const models: Record<string, unknown[]> = {};
    for (const table of MODELS)
      models[table] = (
        await spark.sql<{ line: string }>(`SELECT row::text AS line FROM ${table} AS row ORDER BY 1`)
      ).map(({ line }) => line);
    return models;
  };

  it('given a preset that was taken back and one that was not, a build and usage, every row is the same, and the unit can still be undone', async () => {
    await completed('preset.apply', 'gone', { presetId: 'visual-novel', targetFolder: 'Assets/Gone' });
    await completed('session.undo', 'gone', {});
    await completed('preset.apply', 'kept', { presetId: 'top-down-action', targetFolder: 'Assets/Kept' });
    await completed('unity.render_preview', 'kept', { width: 64, height: 64, format: 'png', mode: 'fast' });
    await completed('unity.generate_script', 'alone', {
      name: 'Alone',
      path: 'Assets/Alone.cs',
      code: 'class Alone {}',
    });
    await spark.sim('builds', { ms: 300 });
    await completed('unity.run_build', 'kept', { target: 'webgl' });
    await completed('usage.report', 'kept', { model: 'm', inputTokens: 3, outputTokens: 4 });
    const events = await eventually(async () => {
      const [row] = await spark.sql(
        "SELECT count(*)::int AS n FROM spark_events WHERE type LIKE '%.completed'",
      );
      expect(row).toEqual({ n: 7 });
      return (await spark.sql('SELECT count(*)::int AS n FROM spark_events'))[0]?.['n'];
    });
    const before = await dump();
    for (const [table, rows] of Object.entries(before)) expect(rows, table).not.toEqual([]);
    await spark.stop();

    const rebuilt = await runCli(home, ['rebuild', '--home', home]);
    expect(rebuilt.code, rebuilt.err).toBe(0);
    expect(rebuilt.out).toContain(`rebuilt every read model from ${String(events)} events`);
    spark = await Spark.start({ home });
    await eventually(async () => expect(await dump()).toEqual(before));
    await completed('session.undo', 'kept', {});
    await eventually(async () =>
      expect(
        await spark.sql("SELECT DISTINCT state FROM spark_operations WHERE session_id = 'kept'"),
      ).toEqual([{ state: 'undone' }]),
    );
  });
});
