import pg from 'pg';
import { codeOf, messageOf } from '../core/errors.js';
import {
  MigrationBlockedError,
  MigrationChangedError,
  MigrationFailedError,
  MigrationUnknownError,
} from './errors.js';
import { type Migration, readMigrations } from './migrationFiles.js';
import { inTransaction } from './transaction.js';

export interface MigrateOptions {
  /** Of a user who may create roles and schemas. */
  readonly adminUrl: string;
  /** The folder of `NNNN_name.sql` files. */
  readonly dir: string;
  readonly connectTimeoutMs?: number;
  readonly onApplied?: (name: string) => void;
  /** How long a projector at work is waited for. */
  readonly placeTimeoutS?: number;
}

export interface MigrateResult {
  /** Names of what was applied now; empty when the database was up to date. */
  readonly applied: readonly string[];
}

/** "SPARK" as an advisory lock: two starts at once migrate one after the other. */
const LOCK_KEY = 0x53_50_41_52;
/** The place of whoever projects the log (src/projections/projectorConnection.ts), by every build that knows these tables. */
const PROJECTORS_PLACE = `hashtextextended('spark.projector:log', 0)`;
/** A killed projector's connection may stand for 15 s. */
const PLACE_TIMEOUT_S = 20;
const LOCK_NOT_AVAILABLE = '55P03';
const CONNECT_TIMEOUT_MS = 10_000;
/** Roles are shared by all databases of a server: two of them being migrated at once may meet there. */
const MAX_ATTEMPTS = 5;
const MEETING_CODES = new Set(['XX000', '23505', '42710']);

/**
 * Brings the database's schema up to this build's, each file in a transaction of its own. One query when there is nothing to do.
 * @throws MigrationChangedError an applied file was edited; MigrationUnknownError the database is newer than this build;
 *   MigrationFailedError a file's SQL failed; MigrationBlockedError a projector of an older build is at work
 */
export async function migrate(options: MigrateOptions): Promise<MigrateResult> {
  const migrations = await readMigrations(options.dir);
  const client = new pg.Client({
    connectionString: options.adminUrl,
    application_name: 'spark-migrate',
    connectionTimeoutMillis: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
  });
  client.on('error', () => undefined); // the query under way tells
  await client.connect();
  try {
    if (pendingOf(migrations, await appliedIn(client)).length === 0) return { applied: [] };
    await client.query('SELECT pg_advisory_lock($1)', [LOCK_KEY]);
    await bootstrap(client);
    const applied: string[] = [];
    const known = await appliedIn(client);
    const pending = pendingOf(migrations, known);
    if (pending.length > 0 && known.size > 0) await takeProjectorsPlace(client, options.placeTimeoutS);
    for (const migration of pending) {
      await apply(client, migration);
      applied.push(migration.name);
      options.onApplied?.(migration.name);
    }
    return { applied };
  } finally {
    await client.end().catch(() => undefined); // gives the lock free too
  }
}

/** An older build that projected on would write rows as the tables were; every event would become a dead letter. */
async function takeProjectorsPlace(client: pg.Client, timeoutS = PLACE_TIMEOUT_S): Promise<void> {
  try {
    await client.query(`SET lock_timeout = '${timeoutS}s'`);
    await client.query(`SELECT pg_advisory_lock(${PROJECTORS_PLACE})`);
    await client.query('RESET lock_timeout');
  } catch (error) {
    if (codeOf(error) !== LOCK_NOT_AVAILABLE) throw error;
    throw new MigrationBlockedError(
      'the database must be migrated for this build, and a projector of an older one is at work on it: stop SPARK everywhere, then start this build',
      { cause: error },
    );
  }
}

async function bootstrap(client: pg.Client): Promise<void> {
  await client.query(`
    CREATE SCHEMA IF NOT EXISTS spark;
    CREATE TABLE IF NOT EXISTS spark.schema_migrations (
      name text PRIMARY KEY,
      checksum text NOT NULL,
      applied_at timestamptz NOT NULL DEFAULT now()
    )`);
}

/** Name → checksum of what the database has. */
async function appliedIn(client: pg.Client): Promise<ReadonlyMap<string, string>> {
  try {
    const { rows } = await client.query<{ name: string; checksum: string }>(
      'SELECT name, checksum FROM spark.schema_migrations',
    );
    return new Map(rows.map((row) => [row.name, row.checksum]));
  } catch (error) {
    if (codeOf(error) === '42P01') return new Map(); // no such table: a new database
    throw error;
  }
}

/** Pure: what is left to apply, after checking that what was applied is what the files say. */
export function pendingOf(
  migrations: readonly Migration[],
  applied: ReadonlyMap<string, string>,
): readonly Migration[] {
  const known = new Set(migrations.map((migration) => migration.name));
  const newer = [...applied.keys()].filter((name) => !known.has(name));
  if (newer.length > 0) {
    throw new MigrationUnknownError(
      `the database has migrations this build does not know (${newer.join(', ')}): start the SPARK version that made them, or a newer one`,
      { fields: { newer } },
    );
  }
  for (const migration of migrations) {
    const checksum = applied.get(migration.name);
    if (checksum === undefined || checksum === migration.checksum) continue;
    throw new MigrationChangedError(
      `migrations/${migration.name}.sql was changed after it had been applied: restore the file from version control and put the change into a new migration with the next number`,
      { fields: { name: migration.name, applied: checksum, found: migration.checksum } },
    );
  }
  return migrations.filter((migration) => !applied.has(migration.name));
}

async function apply(client: pg.Client, migration: Migration): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await inTransaction(client, async () => {
        await client.query(migration.sql);
        await client.query('RESET ROLE');
        await client.query('INSERT INTO spark.schema_migrations (name, checksum) VALUES ($1, $2)', [
          migration.name,
          migration.checksum,
        ]);
      });
      return;
    } catch (error) {
      if (attempt < MAX_ATTEMPTS && MEETING_CODES.has(codeOf(error) ?? '')) continue;
      throw new MigrationFailedError(`migrations/${migration.name}.sql failed: ${messageOf(error)}`, {
        cause: error,
        fields: { name: migration.name },
      });
    }
  }
}
