import { getTableConfig, getViewConfig, type PgTable } from 'drizzle-orm/pg-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sparkBuildJobs } from '../../src/projections/buildJobs/table.js';
import { sparkCommands } from '../../src/projections/commands/table.js';
import { sparkDeadLetterActions, sparkDeadLetters } from '../../src/projections/deadLetters/table.js';
import { sparkEventsIn } from '../../src/projections/events/table.js';
import { sparkGeneratedScripts } from '../../src/projections/generatedScripts/table.js';
import { sparkOperations } from '../../src/projections/operations/table.js';
import { sparkPreviews } from '../../src/projections/previews/table.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db.drop());

/** Column → type and nullability, as the database says of the table in its slot; of what has no slot, in `spark`. */
async function columnsOf(table: string): Promise<Record<string, string>> {
  const { rows } = await db.admin.query<{ column_name: string; type: string }>(
    `SELECT a.attname AS column_name, format_type(a.atttypid, NULL) || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END AS type
     FROM pg_attribute a WHERE a.attrelid = coalesce(to_regclass('spark_blue.' || $1), to_regclass('spark.' || $1)) AND a.attnum > 0 AND NOT a.attisdropped`,
    [table],
  );
  return Object.fromEntries(rows.map((row) => [row.column_name, row.type]));
}

const sqlNames: Record<string, string> = { timestamptz: 'timestamp with time zone' };

describe('the typed tables of the queries are those of the migrations', () => {
  const tables: [string, PgTable][] = Object.entries({
    sparkEvents: sparkEventsIn('spark_blue'),
    sparkGeneratedScripts,
    sparkPreviews,
    sparkBuildJobs,
    sparkOperations,
    sparkDeadLetterActions,
  });
  it.each(tables)('%s', async (_, table) => {
    const { name, columns } = getTableConfig(table);
    const typed = columns.map((column) => [
      column.name,
      `${sqlNames[column.getSQLType()] ?? column.getSQLType()}${column.notNull ? ' not null' : ''}`,
    ]);
    expect(Object.fromEntries(typed)).toEqual(await columnsOf(name));
  });

  it('sparkCommands', async () => {
    const { name, selectedFields } = getViewConfig(sparkCommands);
    const typed = Object.values(selectedFields).map((field) => (field as { name: string }).name);
    expect(typed.sort()).toEqual(Object.keys(await columnsOf(name)).sort());
  });

  it('sparkDeadLetters, a view over the letters of the stream and those of the projector', async () => {
    const { name, columns } = getTableConfig(sparkDeadLetters);
    const typed = columns.map((column) => [
      column.name,
      sqlNames[column.getSQLType()] ?? column.getSQLType(),
    ]);
    expect(Object.fromEntries(typed)).toEqual(await columnsOf(name));
  });
});
