import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrate } from '../../src/postgres/migrate.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { MIGRATIONS_DIR, runSql } from '../support/postgresCluster.js';

let db: TestDatabase;
let dir: string;

beforeAll(async () => {
  db = await createTestDatabase({ empty: true });
  dir = await mkdtemp(join(tmpdir(), 'spark-migrations-'));
  await cp(MIGRATIONS_DIR, dir, { recursive: true });
});

afterAll(async () => {
  await db.drop();
  await rm(dir, { recursive: true, force: true });
});

describe('migrating', () => {
  it('applies every file once when two starts meet', async () => {
    const both = await Promise.all([
      migrate({ adminUrl: db.adminUrl, dir }),
      migrate({ adminUrl: db.adminUrl, dir }),
    ]);
    const files = (await readdir(dir)).map((file) => file.replace('.sql', '')).sort();
    expect(both.flatMap((result) => result.applied).sort()).toEqual(files);
  });

  it('does nothing the second time', async () => {
    expect(await migrate({ adminUrl: db.adminUrl, dir })).toEqual({ applied: [] });
  });

  it('keeps nothing of a file that fails, and says which', async () => {
    const file = join(dir, '9000_broken.sql');
    await writeFile(file, 'CREATE TABLE spark.half_done (n int); SELECT 1 / 0;');
    await expect(migrate({ adminUrl: db.adminUrl, dir })).rejects.toMatchObject({
      code: 'migration_failed',
      fields: { name: '9000_broken' },
    });
    const { rows } = await runSql(db.adminUrl, `SELECT to_regclass('spark.half_done') AS found`);
    expect(rows).toEqual([{ found: null }]);
    await rm(file);
  });

  it('waits for a projector of an older build, and refuses while it works on', async () => {
    const file = join(dir, '9002_newer.sql');
    await writeFile(file, 'SELECT 1;');
    const projector = new pg.Client({ connectionString: db.adminUrl });
    await projector.connect();
    await projector.query(`SELECT pg_advisory_lock(hashtextextended('spark.projector:log', 0))`);
    await expect(migrate({ adminUrl: db.adminUrl, dir, placeTimeoutS: 1 })).rejects.toMatchObject({
      code: 'migration_blocked',
    });
    const migrating = migrate({ adminUrl: db.adminUrl, dir });
    await projector.end();
    expect(await migrating).toEqual({ applied: ['9002_newer'] });
    await runSql(db.adminUrl, `DELETE FROM spark.schema_migrations WHERE name = '9002_newer'`);
    await rm(file);
  });

  it('refuses a file that was changed after it had been applied', async () => {
    const file = join(dir, '9001_later.sql');
    await writeFile(file, 'SELECT 1;');
    await migrate({ adminUrl: db.adminUrl, dir });
    await writeFile(file, 'SELECT 1;\r\n'.replace('\n', '')); // another text
    await expect(migrate({ adminUrl: db.adminUrl, dir })).rejects.toMatchObject({
      code: 'migration_changed',
    });
  });

  it('refuses a database that a newer build has migrated', async () => {
    await rm(join(dir, '9001_later.sql'));
    await expect(migrate({ adminUrl: db.adminUrl, dir })).rejects.toMatchObject({
      code: 'migration_unknown',
    });
  });

  it('works for an admin who is neither superuser nor called spark_owner, where the roles exist already', async () => {
    const other = await createTestDatabase({ empty: true });
    const name = `admin_${other.name}`;
    await runSql(
      other.adminUrl,
      `CREATE ROLE ${name} LOGIN CREATEROLE PASSWORD 'x'; ALTER DATABASE ${other.name} OWNER TO ${name};
       GRANT spark_owner TO ${name}`,
    );
    const url = new URL(other.adminUrl);
    url.username = name;
    url.password = 'x';
    const result = await migrate({ adminUrl: url.href, dir: MIGRATIONS_DIR });
    expect(result.applied.length).toBeGreaterThan(10);
    const { rows } = await runSql(
      other.adminUrl,
      `SELECT tableowner FROM pg_tables WHERE schemaname = 'spark_blue' AND tablename = 'spark_events'`,
    );
    expect(rows).toEqual([{ tableowner: 'spark_owner' }]);
    await other.drop();
    await runSql(inTemplate(db.adminUrl), `DROP ROLE ${name}`);
  });
});

function inTemplate(url: string): string {
  const changed = new URL(url);
  changed.pathname = '/postgres';
  return changed.href;
}
