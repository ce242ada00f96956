import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { grafanaSql } from '../../dashboards/generator/grafanaSql.js';
import { readSqlPanels, type SqlPanel } from '../../dashboards/generator/sqlPanel.js';
import { HOUR_MS } from '../support/dashboardFacts.js';
import { makeHistory } from '../support/dashboardHistory.js';
import { type LetterFact, project, type Seed } from '../support/dashboardRig.js';
import {
  CALL_CASES,
  type Cell,
  type ExpectedRow,
  factsOf,
  type PanelCase,
  spanOf,
  USAGE_CASES,
} from '../support/panelCases.js';
import { WORK_CASES } from '../support/panelCasesOfWork.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { eventually } from '../support/spark.js';

const PANELS = readSqlPanels();
const CASES: Readonly<Record<string, PanelCase>> = { ...CALL_CASES, ...USAGE_CASES, ...WORK_CASES };
/** What these show is the server's own state; the test below says what it is. */
const OF_THE_SERVER = ['freshness'];
/** Columns that only the tables know: how an error is worded, which number the projector gave. */
const NOT_COMPARED: Readonly<Record<string, readonly string[]>> = {
  dead_letters_newest: ['id', 'type', 'last_error'],
};
const MINUTE_MS = 60_000;

const letter = (nowMs: number, minutesAgo: number, seq: number, reason: string): LetterFact => ({
  tsMs: Math.floor(nowMs - minutesAgo * MINUTE_MS),
  letter: {
    ...{
      reason,
      attempts: 2,
      lastError: 'it did not work',
      body: '{}',
      bodyEncoding: 'utf8',
      bodyTruncated: false,
    },
    originalSubject: 'spark.commands.default.unity.generate_script.session-1',
    ...{ headers: {}, commandId: null, sessionId: 'session-1', editor: 'default' },
    stream: { seq, index: 0, mark: 'one' },
  },
});

function seedOf(nowMs: number): Seed {
  return {
    history: makeHistory(nowMs),
    letters: [1_900, 900, 800, 700, 300, 299.9, 299.8, 200, 40, 20].map((minutesAgo, i) =>
      letter(nowMs, minutesAgo, i + 1, i % 3 === 0 ? 'malformed_json' : 'attempts_exhausted'),
    ),
    actions: [
      { action: 'dropped', letterId: 2, actor: 'ops' },
      {
        action: 'redriven',
        letterId: 5,
        actor: 'ops',
        newCommandId: '0b7c1f9e-1111-8aaa-8bbb-0123456789ab',
        redrive: 1,
        payloadSha: 'ab',
      },
    ],
    waiting: [
      { acceptedMs: Math.floor(nowMs - 2 * MINUTE_MS), editor: 'default' },
      { acceptedMs: Math.floor(nowMs - 10 * MINUTE_MS), editor: 'default' },
      { acceptedMs: Math.floor(nowMs - 90 * MINUTE_MS), editor: 'away' },
    ],
  };
}

type Row = Record<string, unknown>;

async function ask(pool: pg.Pool, sql: string): Promise<{ rows: Row[]; columns: string[] }> {
  const { rows, fields } = await pool.query<Row>(sql);
  return { rows: rows.map(plain), columns: fields.map(({ name }) => name) };
}

/** The statement as Grafana sends it: with the dashboard's window in place of the panel's. */
function inWindow(panel: SqlPanel, hours: number, toMs: number): string {
  const [from, to] = [toMs - hours * HOUR_MS, toMs].map((ms) => `'${new Date(ms).toISOString()}'`);
  const sql = grafanaSql(panel.sql)
    .replaceAll('$__timeFrom()', from ?? '')
    .replaceAll('$__timeTo()', to ?? '');
  expect(sql).not.toMatch(/\$|\bnow\(\)/);
  return sql;
}

/** Numbers that the driver gives as text, and times, as what they are. */
const plain = (row: Row): Row =>
  Object.fromEntries(
    Object.entries(row).map(([name, value]) => {
      if (value instanceof Date) return [name, value.toISOString()];
      return [name, typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value];
    }),
  );

const isText = (cell: unknown): boolean => typeof cell === 'string';
const keyOf = (row: Readonly<Record<string, unknown>>, columns: readonly string[]): string =>
  columns
    .map((column) => row[column])
    .filter(isText)
    .join('|');

/** Whether a value is what is expected: rounded as panels round, or within what a bucket may be off. */
function fits(actual: unknown, expected: Cell): boolean {
  if (expected === null || typeof expected === 'string') return actual === expected;
  if (typeof expected === 'number')
    return typeof actual === 'number' && Math.abs(actual - expected) <= 0.0051;
  return (
    typeof actual === 'number' && Math.abs(actual - expected.near) <= expected.near * expected.share + 0.05
  );
}

function expectSame(
  actual: readonly Row[],
  expected: readonly ExpectedRow[],
  columns: readonly string[],
): void {
  const byKey = (rows: readonly Readonly<Record<string, unknown>>[]) =>
    new Map(rows.map((row) => [keyOf(row, columns), row]));
  const [have, want] = [byKey(actual), byKey(expected)];
  expect([...have.keys()].sort()).toEqual([...want.keys()].sort());
  expect(have.size, 'rows are told apart by their texts').toBe(actual.length);
  const wrong = [...want].flatMap(([key, row]) =>
    columns
      .filter((column) => !fits(have.get(key)?.[column], row[column] as Cell))
      .map(
        (column) =>
          `${key} ${column}: ${String(have.get(key)?.[column])}, not ${JSON.stringify(row[column])}`,
      ),
  );
  expect(wrong).toEqual([]);
}

describe('dashboards/sql', () => {
  it('has a case for every panel', () => {
    expect([...Object.keys(CASES), ...OF_THE_SERVER].sort()).toEqual(PANELS.map(({ name }) => name));
  });
});

describe('the panels on the standby, with a day and a half of history', () => {
  const seed = seedOf(Date.now());
  const facts = factsOf(seed);
  let db: TestDatabase;
  let replica: pg.Pool;

  beforeAll(async () => {
    db = await createTestDatabase();
    await project(db, seed);
    replica = db.pool('spark_dashboard_ro', 'replica');
  });
  afterAll(() => db.drop());

  it('are asked as the read-only role on a standby', async () => {
    const { rows } = await replica.query('SELECT pg_is_in_recovery() AS standby, current_user AS who');
    expect(rows).toEqual([{ standby: true, who: 'spark_dashboard_ro' }]);
  });

  it('given the history, it has what the panels are about', () => {
    const outcomes = new Set(facts.calls.map(({ outcome }) => outcome));
    expect([...outcomes].sort()).toEqual([
      'cancelled',
      'completed',
      'conflict',
      'expired',
      'failed',
      'outcome_unknown',
    ]);
    expect(new Set(facts.calls.map(({ name }) => name)).size).toBeGreaterThan(7);
    expect(facts.poison.length).toBeGreaterThan(2);
  });

  const cases = PANELS.filter(({ name }) => CASES[name]).map((panel) => [panel.name, panel] as const);

  it.each(cases)('%s shows what the raw events say', async (_, panel) => {
    const hours = Number(/interval '(\d+) hours?'/.exec(panel.sql)?.[1] ?? 1);
    expect(await compare(panel, panel.sql, hours, 0)).toBeGreaterThan(0);
  });

  it.each(cases)('%s shows it in the window of a Grafana dashboard too', async (_, panel) => {
    for (const [hours, endedHoursAgo] of [
      [6, 0],
      [24, 0],
      [6, 1],
    ] as const)
      await compare(
        panel,
        inWindow(panel, hours, Date.now() - endedHoursAgo * HOUR_MS),
        hours,
        endedHoursAgo,
      );
  });

  it.each(['latency_by_tool', 'latency_over_time'])(
    '%s goes by the minute in a short window',
    async (name) => {
      const [panel, expected] = [PANELS.find((each) => each.name === name), CASES[name]];
      if (!panel || !expected) throw new Error(`no ${name}`);
      // Whole minutes: one that only begins in the window would be counted whole.
      const toMs = (Math.floor(Date.now() / MINUTE_MS) - 10) * MINUTE_MS;
      const calls = facts.calls.map((call) => ({
        ...call,
        tsMs: Math.floor(call.tsMs / MINUTE_MS) * MINUTE_MS,
      }));
      const { rows, columns } = await ask(replica, inWindow(panel, 0.5, toMs));
      expect(rows.length).toBeGreaterThan(7);
      expectSame(rows, expected({ ...facts, calls }, spanOf(toMs, 0.5)), columns);
    },
  );

  /** Asks, and compares with the facts; how many rows there were. */
  async function compare(
    panel: SqlPanel,
    sql: string,
    hours: number,
    endedHoursAgo: number,
  ): Promise<number> {
    const { name } = panel;
    const expected = CASES[name];
    if (!expected) throw new Error(`no case for ${name}`);
    // A panel about "now" may be asked while a slice of five minutes ends: then once more.
    const slice = (): number => Math.floor(Date.now() / (5 * MINUTE_MS));
    let [before, answer] = [slice(), await ask(replica, sql)];
    if (slice() !== before) [before, answer] = [slice(), await ask(replica, sql)];
    const columns = answer.columns.filter((column) => !NOT_COMPARED[name]?.includes(column));
    const rows = expected(facts, spanOf(Date.now() - endedHoursAgo * HOUR_MS, hours));
    expectSame(answer.rows, rows, columns);
    return rows.length;
  }

  it.each(PANELS.map((panel) => [panel.name, panel] as const))(
    '%s has the columns its comment names, reads what it says, and is asked for nothing else',
    async (_, panel) => {
      const { columns } = await ask(replica, panel.sql);
      expect(columns).toEqual(panel.columns.map(({ name }) => name));
      const read = [...panel.sql.matchAll(/(?:FROM|JOIN) (spark\.\w+)/g)].map(([, table]) => table ?? '');
      expect([...panel.reads].sort()).toEqual([...new Set(read)].sort());
    },
  );

  it.each([
    ['slowest_sessions', 'mean_ms'],
    ['latency_by_tool', 'p95_ms'],
    ['error_rate_by_tool', 'error_rate_percent'],
    ['errors_by_code', 'calls'],
    ['usage_by_session', 'cost_usd'],
    ['dead_letters_newest', 'ts'],
    ['builds_newest', 'started_at'],
  ])('%s begins with the largest %s', async (name, column) => {
    const panel = PANELS.find((each) => each.name === name);
    const { rows } = await ask(replica, panel?.sql ?? '');
    const values = rows.map((row) => row[column] as number);
    expect(values.length).toBeGreaterThan(1);
    expect(values).toEqual([...values].sort((a, b) => (a < b ? 1 : a > b ? -1 : 0)));
  });

  it('freshness says that a standby answered, and how far it is', async () => {
    const { rows } = await ask(replica, PANELS.find(({ name }) => name === 'freshness')?.sql ?? '');
    const newest = Math.max(...seed.history.map(({ tsMs }) => tsMs));
    expect(rows).toMatchObject([
      { server: 'standby', replay: 'streaming', last_event_ts: new Date(newest).toISOString() },
    ]);
    expect(rows[0]?.['applied_seq']).toBeGreaterThanOrEqual(seed.history.length * 1_024);
    expect(rows[0]?.['age_seconds']).toBeGreaterThanOrEqual(0);
  });
});

describe('the panels of a system in which nothing has happened', () => {
  let db: TestDatabase;
  let servers: readonly pg.Pool[];
  beforeAll(async () => {
    db = await createTestDatabase();
    servers = (['replica', 'primary'] as const).map((server) => db.pool('spark_dashboard_ro', server));
    // A database that has just been made is not on the standby yet.
    await eventually(() =>
      Promise.all(servers.map((pool) => pool.query('SELECT FROM spark.spark_freshness'))),
    );
  });
  afterAll(() => db.drop());

  const ALWAYS_ONE_ROW = [
    'preview_success',
    'function_call_success',
    'preview_cache',
    'sessions_now',
    'freshness',
  ];
  /** What is the server's own or a share of nothing is no count. */
  const isCount = (column: string): boolean => !/_(?:percent|seconds|bytes)$/.test(column);

  it.each(PANELS.map((panel) => [panel.name, panel] as const))(
    '%s answers with nothing, or with zeros and no rate',
    async (name, panel) => {
      for (const pool of servers) {
        const { rows } = await ask(pool, panel.sql);
        expect(rows).toHaveLength(ALWAYS_ONE_ROW.includes(name) ? 1 : 0);
        for (const [column, value] of Object.entries(rows[0] ?? {})) {
          if (column.endsWith('_percent')) expect(value, column).toBeNull();
          if (isCount(column) && typeof value === 'number') expect(value, column).toBe(0);
        }
      }
    },
  );
});
