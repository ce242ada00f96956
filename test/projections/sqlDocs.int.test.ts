import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { ROOT } from '../support/sourceText.js';

/** Readable, because the view above them is, and nobody's to rely on. */
const INTERNAL = new Set(['command_states', 'accepted_overlay', 'projector_dead_letters', 'heartbeats']);
const SHORT: Readonly<Record<string, string>> = {
  'timestamp with time zone': 'timestamptz',
  'double precision': 'float8',
};

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db.drop());

const text = readFileSync(join(ROOT, 'docs/sql.md'), 'utf8');

/** `## table` → its rows as `column type`. */
function documented(): Record<string, string[]> {
  const sections = text.split(/^## /m).slice(1);
  const tables = sections.filter((section) => /^\w+\n/.test(section) && section.includes('| column |'));
  return Object.fromEntries(
    tables.map((section) => [
      section.slice(0, section.indexOf('\n')),
      [...section.matchAll(/^\| `(\w+)` \| ([^|]+?) \|/gm)].map(([, column, type]) => `${column} ${type}`),
    ]),
  );
}

describe('docs/sql.md', () => {
  it('names every table and view that dashboards may read, with every column and its type', async () => {
    const { rows } = await db.admin.query<{ name: string; column: string; type: string }>(
      `SELECT c.relname AS name, a.attname AS column, format_type(a.atttypid, a.atttypmod) AS type
       FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
       WHERE c.relnamespace = 'spark'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
         AND has_column_privilege('spark_dashboard_ro', c.oid, a.attnum, 'SELECT')
       ORDER BY c.relname, a.attnum`,
    );
    const actual: Record<string, string[]> = {};
    for (const { name, column, type } of rows)
      if (!INTERNAL.has(name)) actual[name] = [...(actual[name] ?? []), `${column} ${SHORT[type] ?? type}`];
    expect(Object.keys(actual).length).toBeGreaterThan(10);
    expect(documented()).toEqual(actual);
  });

  it('has queries that run as they stand', async () => {
    const queries = [...text.matchAll(/```sql\n([\s\S]+?)```/g)].map(([, query]) => query ?? '');
    expect(queries).toHaveLength(6);
    const dashboard = db.pool('spark_dashboard_ro');
    for (const query of queries) expect((await dashboard.query(query)).rows).toBeInstanceOf(Array);
  });
});
