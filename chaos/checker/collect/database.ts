import pg from 'pg';
import type { AuditRow, CommandRow, EventKey, TableDump } from '../evidence.js';

/** One look at one database: all of it in one transaction, so that everything is of one moment. */
export interface DatabaseLook {
  readonly tables: readonly TableDump[];
  readonly events: readonly EventKey[];
  readonly commands: readonly CommandRow[];
  readonly audit: readonly AuditRow[] | undefined;
}

export async function lookAt(url: string): Promise<DatabaseLook> {
  return withClient(url, async (client) => {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const tables = await dumpTables(client);
    const events = await client.query<{ seq: string; event_id: string }>(
      'SELECT seq, event_id FROM spark.spark_events ORDER BY seq',
    );
    const commands = await client.query<CommandRow>(
      `SELECT command_id AS "commandId", state, actor, accepted_at::text AS "acceptedAt", started_at::text AS "startedAt",
              finished_at::text AS "finishedAt" FROM spark.spark_commands`,
    );
    const audit = await auditRows(client);
    await client.query('COMMIT');
    return {
      tables,
      events: events.rows.map(({ seq, event_id }) => ({ seq: Number(seq), eventId: event_id })),
      commands: commands.rows,
      audit,
    };
  });
}

export async function dumpsOf(url: string): Promise<readonly TableDump[]> {
  return withClient(url, dumpTables);
}

/**
 * Every table of SPARK's that is a fold of the log, whatever later versions add: those that lie in slots. Read as readers do, by the view
 * over the live slot; its rows as keys and digests of their text.
 */
async function dumpTables(client: pg.Client): Promise<TableDump[]> {
  await client.query("SET TIME ZONE 'UTC'");
  const { rows: tables } = await client.query<{ name: string; key: string[] }>(
    `SELECT c.relname AS name, array_agg(a.attname::text ORDER BY k.place) AS key
     FROM pg_class c
     JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
     CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(number, place)
     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number
     WHERE c.relnamespace = 'spark_blue'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
     GROUP BY 1 ORDER BY 1`,
  );
  const dumps: TableDump[] = [];
  for (const { name, key } of tables) {
    const columns = key.map((column) => `row.${client.escapeIdentifier(column)}::text`).join(', ');
    const { rows } = await client.query<{ key: string; digest: string }>(
      `SELECT concat_ws('|', ${columns}) AS key, md5(row::text) AS digest FROM spark.${client.escapeIdentifier(name)} AS row ORDER BY 1, 2`,
    );
    const byKey = new Map<string, string[]>();
    for (const row of rows) byKey.set(row.key, [...(byKey.get(row.key) ?? []), row.digest]);
    dumps.push({ table: name, rows: byKey });
  }
  return dumps;
}

/** Undefined where the product keeps no audit of its own. */
async function auditRows(client: pg.Client): Promise<readonly AuditRow[] | undefined> {
  const { rows: columns } = await client.query<{ name: string }>(
    `SELECT attname AS name FROM pg_attribute
     WHERE attrelid = to_regclass('spark.spark_audit') AND attnum > 0 AND NOT attisdropped`,
  );
  if (columns.length === 0) return undefined;
  const has = (wanted: string): boolean => columns.some(({ name }) => name === wanted);
  // An audit that does not say who or what has no record of anything: I12 tells.
  if (!has('command_id') || !has('actor')) return [];
  const time = columns.find(({ name }) => ['ts', 'at', 'finished_at'].includes(name))?.name ?? 'ts';
  const { rows } = await client.query<AuditRow>(
    `SELECT command_id AS "commandId", actor, ${client.escapeIdentifier(time)}::text AS at FROM spark.spark_audit WHERE command_id IS NOT NULL`,
  );
  return rows;
}

export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, application_name: 'spark_chaos_checker' });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
