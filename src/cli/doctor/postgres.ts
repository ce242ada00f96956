import { messageOf } from '../../core/errors.js';
import { createPool } from '../../postgres/pools.js';
import { type Finding, ill, well } from './finding.js';

const TIMEOUT_MS = 3_000;

/** A row of what a server says of itself; a plain user sees only the pid of the WAL receiver, which is enough. */
const FACTS = `
  SELECT current_setting('server_version') AS version,
         pg_is_in_recovery() AS standby,
         EXISTS (SELECT 1 FROM pg_stat_wal_receiver WHERE pid IS NOT NULL) AS receiving`;

interface Facts {
  readonly version: string;
  readonly standby: boolean;
  readonly receiving: boolean;
}

export async function checkPrimary(url: string): Promise<Finding> {
  const name = 'postgres primary';
  try {
    const facts = await factsOf(url);
    return facts.standby
      ? ill(name, 'the server is a standby', 'DATABASE_URL must name the primary.')
      : well(name, `PostgreSQL ${facts.version}`);
  } catch (error) {
    return ill(name, messageOf(error), 'Is the server running, and DATABASE_URL right?');
  }
}

export async function checkReplica(url: string): Promise<Finding> {
  const name = 'postgres replica';
  try {
    const facts = await factsOf(url);
    if (!facts.standby)
      return ill(name, 'the server is no standby', 'DATABASE_REPLICA_URL must name a streaming standby.');
    return facts.receiving
      ? well(name, `PostgreSQL ${facts.version}, streaming`)
      : ill(
          name,
          'it answers but streams nothing: its reads grow stale',
          'Check primary_conninfo and the primary; the embedded standby seeds itself again within seconds.',
        );
  } catch (error) {
    return ill(name, messageOf(error), 'Is the standby running, and DATABASE_REPLICA_URL right?');
  }
}

async function factsOf(url: string): Promise<Facts> {
  const pool = createPool({
    url,
    applicationName: 'spark-doctor',
    maxConnections: 1,
    connectTimeoutMs: TIMEOUT_MS,
    statementTimeoutMs: TIMEOUT_MS,
  });
  try {
    const { rows } = await pool.query<Facts>(FACTS);
    const [facts] = rows;
    if (!facts) throw new Error('no answer to a query');
    return facts;
  } finally {
    await pool.end();
  }
}
