import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli, startCli } from '../support/cli.js';
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

describe('a rebuild beside a running SPARK', () => {
  const home = newHome();
  let spark: Spark;
  beforeAll(async () => {
    spark = await Spark.start({ home });
  });
  afterAll(async () => {
    await spark.stop();
    removeHome(home);
  });

  const work = async (sessionId: string, commands: number): Promise<void> => {
    for (let i = 0; i < commands; i++)
      await spark.submitAndWait({
        type: 'usage.report',
        sessionId,
        payload: { model: 'm', inputTokens: i, outputTokens: 1 },
      });
  };
  const ended = async (sessionId: string): Promise<unknown> =>
    (
      await spark.sql('SELECT completed::int AS n FROM spark_sessions WHERE session_id = $1', [sessionId])
    )[0]?.['n'];
  const liveSlots = async (): Promise<unknown> =>
    spark.sql('SELECT slot, count(*)::int AS n FROM spark.read_model_slots GROUP BY 1 ORDER BY 1');

  it('given kill -9 in the middle, then nothing has changed; run again it switches readers over, and commands go on', async () => {
    await work('before', 20);
    await eventually(async () => expect(await ended('before')).toBe(20));
    const slots = await liveSlots();
    const killed = startCli(home, ['rebuild', '--json']);
    await eventually(() => expect(killed.text.out).toContain('"phase":"folding"'));
    killed.child.kill('SIGKILL');
    await killed.ended;
    expect(await liveSlots()).toEqual(slots);
    expect(await ended('before')).toBe(20);

    const rebuilding = startCli(home, ['rebuild', 'all']);
    await work('meanwhile', 10);
    const run = await rebuilding.ended;
    expect(run.code, run.err).toBe(0);
    expect(run.out).toContain('switched over');
    expect(run.out).toMatch(/rebuilt every read model from \d+ events/);
    expect(await liveSlots()).not.toEqual(slots);
    await work('after', 5);
    await eventually(async () => {
      for (const [session, n] of [
        ['before', 20],
        ['meanwhile', 10],
        ['after', 5],
      ] as const)
        expect(await ended(session)).toBe(n);
    });
  });

  it('given a moment, then a schema of its own shows what was then, until it is dropped', async () => {
    const [row] = await spark.sql<{ at: string }>(
      `SELECT to_char(max(ts) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at FROM spark_events WHERE session_id = 'before'`,
    );
    const travel = await runCli(home, [
      'rebuild',
      '--until',
      row?.at ?? '',
      '--schema',
      'back_then',
      '--json',
    ]);
    expect(travel.code, travel.err).toBe(0);
    const lines = travel.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.at(-1)).toMatchObject({ timeTravel: { schema: 'back_then' } });
    await eventually(async () =>
      expect(await spark.sql('SELECT session_id, completed::int AS n FROM back_then.spark_sessions')).toEqual(
        [{ session_id: 'before', n: 20 }],
      ),
    );
    const dropped = await runCli(home, ['rebuild', '--drop-schema', 'back_then']);
    expect(dropped.code, dropped.err).toBe(0);
    expect((await runCli(home, ['rebuild', '--drop-schema', 'spark'])).code).toBe(5);
  });

  it('given nonsense, then it says so and exits 2', async () => {
    for (const args of [['spark_nothing'], ['--until', 'yesterday'], ['--until', '5', '--rollback']]) {
      const run = await runCli(home, ['rebuild', ...args]);
      expect(run.code, args.join(' ')).toBe(2);
    }
  });
});
