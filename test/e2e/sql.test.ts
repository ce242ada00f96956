import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, newHome, removeHome, Spark } from '../support/spark.js';

/** The queries of existing dashboards, letter for letter (product.md section 9). */
const SUCCESS_RATE = `SELECT COUNT(*) FILTER (WHERE type = 'preview.completed')::float / NULLIF(COUNT(*), 0) * 100 AS success_rate
FROM spark_events WHERE ts >= NOW() - INTERVAL '1 hour' AND type LIKE 'preview.%';`;
const P95 = `SELECT PERCENTILE_CONT(0.95) WITHIN GROUP (ORDER BY ms) AS p95_ms
FROM (SELECT EXTRACT(EPOCH FROM (MAX(ts) - MIN(ts))) * 1000 AS ms FROM spark_events
      WHERE type IN ('generate_unity_script.started', 'generate_unity_script.completed') GROUP BY session_id) latencies;`;
const CALLS = `SELECT name, status, COUNT(*), AVG(duration_ms) FROM spark_function_calls
WHERE ts >= NOW() - INTERVAL '1 hour' GROUP BY name, status;`;

/** What section 9 names, and what section 4 has of the commands that exist. */
const COLUMNS = {
  spark_commands:
    'command_id idempotency_key type session_id editor actor state attempts accepted_at started_at finished_at error_code result',
  spark_events: 'seq event_id ts type session_id command_id payload',
  spark_function_calls: 'ts name status duration_ms session_id command_id',
  spark_operations: 'operation_id ts session_id path tool before_sha256 after_sha256 state',
  spark_generated_scripts: '',
  spark_previews: '',
  spark_build_jobs:
    'job_id session_id editor target output_path state started_at finished_at duration_ms total_bytes warnings error_code',
  spark_sessions: '',
  spark_dead_letters: '',
  spark_usage: 'ts session_id command_id command_type actor model input_tokens output_tokens cost_usd',
} as const;

/** Every read model, whole, as ordered text: what a rebuild must give again row for row. */
const DUMPS: Record<string, string> = {
  ...Object.fromEntries(
    Object.keys(COLUMNS).map((table) => [table, `SELECT row::text AS line FROM ${table} AS row ORDER BY 1`]),
  ),
  spark_images: 'SELECT sha256 || bytes AS line FROM spark_images ORDER BY 1',
};

const BIN = fileURLToPath(new URL('../../bin/spark.js', import.meta.url));

interface EventRow {
  readonly [column: string]: unknown;
  readonly seq: string;
  readonly ts: Date;
  readonly type: string;
  readonly session_id: string;
  readonly command_id: string;
  readonly payload: Record<string, unknown>;
}

describe('SQL on the standby', () => {
  const home = newHome();
  let spark: Spark;
  let events: EventRow[];
  const ended: Record<string, number> = {};

  beforeAll(async () => {
    spark = await Spark.start({ home });
    await makeHistory();
  });
  afterAll(async () => {
    await spark.stop();
    removeHome(home);
  });

  async function run(sessionId: string, type: string, payload: object): Promise<void> {
    const { body } = await spark.submitAndWait({ type, sessionId, payload });
    const end = String(body['state'] ?? (body['status'] === 409 ? 'conflict' : undefined));
    ended[`${type} ${end}`] = (ended[`${type} ${end}`] ?? 0) + 1;
  }

  /** A bit of everything: successes, failures, conflicts, rejects, undo and redo, over several sessions. */
  async function makeHistory(): Promise<void> {
    const script = (name: string, code = `class ${name} {}\n`) => ({ name, path: `Assets/${name}.cs`, code });
    for (let n = 0; n < 12; n++) await run(`s-${n % 4}`, 'unity.generate_script', script(`Sql${n}`));
    await run('s-0', 'unity.generate_script', script('Sql0', 'class Other {}\n'));
    await run('s-3', 'unity.run_build', { target: 'webgl' });
    await run('s-1', 'unity.apply_patch', {
      path: 'Assets/Sql1.cs',
      edits: [{ startLine: 1, startCol: 1, endLine: 1, endCol: 1, newText: '// 🎮\n' }],
    });
    await run('s-1', 'unity.apply_patch', { path: 'Assets/Sql1.cs', patch: '@@ -1 +1 @@\n-no\n+yes\n' });
    await run('s-2', 'unity.delete_script', { path: 'Assets/Sql2.cs' });
    await run('s-2', 'unity.delete_script', { path: 'Assets/Sql2.cs' });
    for (const type of ['session.undo', 'session.undo', 'session.redo']) await run('s-3', type, {});
    await run('s-nobody', 'session.undo', {});
    for (let n = 0; n < 3; n++) await run('s-view', 'unity.render_preview', { width: 40 + n, height: 30 });
    await run('s-view', 'unity.render_preview', { width: 40, height: 30, gameObject: 'NoSuchObject' });
    await spark.publish({ type: 'unity.render_preview', session: 's-view' }, { width: 0, height: 1 });
    await spark.publishRaw('spark.commands.default.unity.delete_script', '{}');
    await run('s-usage', 'usage.report', { model: 'm', inputTokens: 5, outputTokens: 2, costUsd: 0.001 });
    await run('s-last', 'unity.generate_script', script('SqlLast'));
    await eventually(async () => {
      const [last] = await spark.sql("SELECT state FROM spark_commands WHERE session_id = 's-last'");
      expect(last).toEqual({ state: 'completed' });
      expect(await spark.sql('SELECT 1 FROM spark_dead_letters')).toHaveLength(2);
    });
    events = await spark.sql<EventRow>('SELECT * FROM spark_events ORDER BY seq');
  }

  it('given the history, it has what the questions are about', () => {
    expect(ended).toMatchObject({
      'unity.generate_script completed': 13,
      'unity.generate_script conflict': 1,
      'unity.apply_patch failed': 1,
      'unity.delete_script failed': 1,
      'session.undo completed': 2,
      'session.undo failed': 1,
      'session.redo completed': 1,
      'unity.render_preview completed': 3,
      'unity.render_preview failed': 1,
    });
  });

  it('given the standby, it is one, and shows the role where everything is', async () => {
    expect(await spark.sql('SELECT pg_is_in_recovery() AS standby, current_user AS who')).toEqual([
      { standby: true, who: 'spark_dashboard_ro' },
    ]);
    expect(await spark.sql('SELECT pg_is_in_recovery() AS standby', [], 'postgres')).toEqual([
      { standby: false },
    ]);
  });

  it.each(Object.entries(COLUMNS))(
    '%s is on the search path with every column that is promised',
    async (table, columns) => {
      for (const server of ['replica', 'postgres'] as const)
        await spark.sql(
          `SELECT ${columns.split(' ').filter(Boolean).join(', ') || '*'} FROM ${table} LIMIT 1`,
          [],
          server,
        );
    },
  );

  it('the preview success rate is what the events say', async () => {
    const previews = events.filter(({ type }) => type.startsWith('preview.'));
    const completed = previews.filter(({ type }) => type === 'preview.completed');
    expect(completed).toHaveLength(3);
    // started ×4, completed ×3, failed ×1, and the rejected one.
    expect(previews).toHaveLength(9);
    const [row] = await spark.sql<{ success_rate: number }>(SUCCESS_RATE);
    expect(row?.success_rate).toBeCloseTo((completed.length / previews.length) * 100, 9);
  });

  it('the p95 of script latency is what the events say', async () => {
    const spans = new Map<string, number[]>();
    for (const { type, session_id, ts } of events)
      if (/^generate_unity_script\.(started|completed)$/.test(type))
        spans.set(session_id, [...(spans.get(session_id) ?? []), ts.getTime()]);
    const ms = [...spans.values()]
      .map((times) => Math.max(...times) - Math.min(...times))
      .sort((a, b) => a - b);
    expect(ms).toHaveLength(5);
    const at = 0.95 * (ms.length - 1);
    const [low = 0, high = 0] = [ms[Math.floor(at)], ms[Math.ceil(at)]];
    const [row] = await spark.sql<{ p95_ms: number }>(P95);
    // Dates of JavaScript are whole milliseconds, timestamps of Postgres are not.
    expect(Math.abs(Number(row?.p95_ms) - (low + (high - low) * (at - Math.floor(at))))).toBeLessThanOrEqual(
      1.5,
    );
    expect(Number(row?.p95_ms)).toBeGreaterThan(0);
  });

  it('calls by name and status, with their mean duration, are what the events say', async () => {
    const names: Record<string, string> = { preview: 'render_unity_preview', build: 'run_unity_build' };
    const expected = new Map<string, number[]>();
    for (const { type, payload } of events) {
      const at = type.lastIndexOf('.');
      const [event, end] = [type.slice(0, at), type.slice(at + 1)];
      if (end === 'started' || end === 'reported' || payload['outcome'] === 'rejected') continue;
      const key = `${names[event] ?? event} ${end === 'completed' ? 'success' : 'error'}`;
      expected.set(key, [...(expected.get(key) ?? []), Number(payload['durationMs'])]);
    }
    const rows = await spark.sql<{ name: string; status: string; count: string; avg: number | null }>(CALLS);
    const got = Object.fromEntries(
      rows.map(({ name, status, count }) => [`${name} ${status}`, Number(count)]),
    );
    const counts = Object.fromEntries([...expected].map(([key, all]) => [key, all.length]));
    expect(got).toEqual(counts);
    expect(Object.keys(counts).sort()).toEqual([
      'apply_unity_patch error',
      'apply_unity_patch success',
      'delete_unity_script error',
      'delete_unity_script success',
      'generate_unity_script error',
      'generate_unity_script success',
      'redo success',
      'render_unity_preview error',
      'render_unity_preview success',
      'run_unity_build success',
      'undo error',
      'undo success',
      'usage_report success',
    ]);
    for (const { name, status, avg } of rows.filter((row) => row.status === 'success')) {
      const all = expected.get(`${name} ${status}`) ?? [];
      expect(Number(avg), name).toBeCloseTo(all.reduce((sum, ms) => sum + ms, 0) / all.length, 6);
    }
  });

  it('seq grows strictly in log order, time with it, and every event has its own id', async () => {
    const seqs = events.map(({ seq }) => Number(seq));
    expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
    expect(new Set(events.map((event) => event['event_id'])).size).toBe(events.length);
    const byTime = await spark.sql<{ seq: string }>('SELECT seq FROM spark_events ORDER BY ts, seq');
    expect(byTime.map(({ seq }) => seq)).toEqual(events.map(({ seq }) => seq));
    for (const { ts } of events) expect(Math.abs(Date.now() - ts.getTime())).toBeLessThan(600_000);
  });

  it('every command has one terminal event, times in order, and a state that is one of those promised', async () => {
    const commands = await spark.sql<Record<string, unknown>>('SELECT * FROM spark_commands');
    expect(new Set(commands.map((row) => row['state']))).toEqual(
      new Set(['completed', 'failed', 'conflict', 'rejected']),
    );
    for (const row of commands) {
      const own = events.filter((event) => event.command_id === row['command_id']);
      expect(
        own.filter(({ type }) => !/\.(?:started|reported)$/.test(type)),
        String(row['command_id']),
      ).toHaveLength(1);
      const [accepted, started, finished] = ['accepted_at', 'started_at', 'finished_at'].map((name) =>
        row[name] === null ? null : (row[name] as Date).getTime(),
      );
      expect(accepted).not.toBeNull();
      if (row['state'] === 'rejected') expect(started).toBeNull();
      else expect(started).toBeGreaterThanOrEqual(accepted ?? Number.NaN);
      expect(finished).toBeGreaterThanOrEqual(started ?? accepted ?? Number.NaN);
      expect(row['error_code'] === null).toBe(row['state'] === 'completed');
      expect(row['result'] !== null || row['state'] !== 'completed').toBe(true);
    }
    const operations = await spark.sql<Record<string, unknown>>('SELECT * FROM spark_operations');
    expect(new Set(operations.map((row) => row['state']))).toEqual(new Set(['applied', 'undone']));
    expect(new Set(operations.map((row) => row['tool']))).toEqual(
      new Set(['unity.generate_script', 'unity.apply_patch', 'unity.delete_script']),
    );
  });

  it.each(['replica', 'postgres'] as const)(
    'the dashboard role can read but not write, nor see what is in scripts, on %s',
    async (server) => {
      for (const statement of [
        "INSERT INTO spark_dead_letters (source, id, ts, reason) VALUES ('x', 1, now(), 'x')",
        "UPDATE spark_operations SET state = 'undone'",
        'DELETE FROM spark_events',
        'TRUNCATE spark_function_calls',
        'DROP TABLE spark_sessions',
        'CREATE TABLE mine (a int)',
        'CREATE TEMPORARY TABLE mine (a int)',
        'CREATE TABLE public.mine (a int)',
        'SELECT data FROM spark_images',
        'SET ROLE spark_owner',
        'SET ROLE spark_projector',
        'SELECT pg_read_file($$/etc/hostname$$)',
        'SELECT * FROM pg_authid',
      ])
        await expect(spark.sql(statement, [], server), statement).rejects.toThrow(
          /permission denied|read-only|must be owner|cannot execute|during recovery/,
        );
      // Not only a session setting that the role could take back.
      for (const statement of [
        'DELETE FROM spark_events',
        "UPDATE spark_operations SET state = 'undone'",
        'CREATE TABLE mine (a int)',
      ])
        await expect(
          spark.sql(`BEGIN; SET TRANSACTION READ WRITE; ${statement}; COMMIT`, [], server),
          statement,
        ).rejects.toThrow(/permission denied|recovery/);
    },
  );

  it('given a rebuild of the stopped home, every read model is equal, row for row', async () => {
    const dump = async () => {
      const models: Record<string, unknown[]> = {};
      for (const [name, query] of Object.entries(DUMPS))
        models[name] = (await spark.sql<{ line: string }>(query)).map(({ line }) => line);
      return models;
    };
    const before = await dump();
    for (const [name, rows] of Object.entries(before)) expect(rows.length, name).toBeGreaterThan(0);
    await spark.stop();

    const output = await rebuild(home);
    expect(output).toMatch(new RegExp(`rebuilt every read model from ${events.length} events`));
    spark = await Spark.start({ home });
    await eventually(async () => expect(await dump()).toEqual(before));
    // And it goes on from there: nothing is folded twice.
    await spark.submitAndWait({ type: 'session.undo', sessionId: 's-last', payload: {} });
    await eventually(async () =>
      expect(await spark.sql("SELECT state FROM spark_operations WHERE session_id = 's-last'")).toEqual([
        { state: 'undone' },
      ]),
    );
    expect(await spark.sql('SELECT count(*)::int AS n FROM spark_events')).toEqual([
      { n: events.length + 2 },
    ]);
  });
});

/** `spark rebuild` of a home that does not run; what it printed. */
async function rebuild(home: string): Promise<string> {
  const child = spawn(process.execPath, [BIN, 'rebuild', '--home', home], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  expect(code, output).toBe(0);
  return output;
}
