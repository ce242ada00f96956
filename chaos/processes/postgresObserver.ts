import pg from 'pg';

const ANSWER_MS = 2_000;
/** `spark_events.seq` is the stream sequence times this, plus the place in the message. */
const SEQS_A_MESSAGE = 1_024;

/** One question on a connection of its own: a pool would have to notice first that its connections are dead. */
export async function ask(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'spark_chaos',
    connectionTimeoutMillis: ANSWER_MS,
    query_timeout: ANSWER_MS,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** The last message of the log that is projected as a whole there; 0 before the first. */
export async function projectedTo(url: string): Promise<number> {
  const [row] = await ask(url, "SELECT last_seq FROM spark.checkpoints WHERE name = 'log'");
  return Math.max(0, Math.floor((Number(row?.['last_seq'] ?? 0) + 1) / SEQS_A_MESSAGE) - 1);
}

/** Commands that have not ended there, at most ten of them by id, with how many there are. */
export async function openCommands(url: string): Promise<{ count: number; some: string[] }> {
  const rows = await ask(
    url,
    `SELECT command_id, state, count(*) OVER () AS n FROM spark.spark_commands
     WHERE state IN ('accepted', 'started') ORDER BY accepted_at LIMIT 10`,
  );
  return {
    count: Number(rows[0]?.['n'] ?? 0),
    some: rows.map((row) => `${String(row['command_id'])} ${String(row['state'])}`),
  };
}
