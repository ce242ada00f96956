import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import type { BenchPostgres } from './servers.js';

/** What the same rows take when nothing is folded: the limit of any projector that keeps them. */
export interface BareCopy {
  readonly rows: number;
  readonly ms: number;
}

/**
 * Copies the rows of these tables (binary COPY over one connection, as the projector sends them) into plain tables of the same columns
 * with the same primary key and no other index, standby attached. Reading them out first is not counted.
 */
export async function bareCopy(postgres: BenchPostgres, tables: readonly string[]): Promise<BareCopy> {
  const client = new pg.Client(postgres.adminUrl);
  await client.connect();
  const total = { rows: 0, ms: 0 };
  try {
    await client.query('SET synchronous_commit = off');
    await client.query('CREATE SCHEMA bare');
    for (const table of tables) {
      const chunks: Buffer[] = [];
      const out = client.query(copyTo(`COPY (SELECT * FROM ${table}) TO STDOUT (FORMAT binary)`));
      await pipeline(out, into(chunks));
      const name = `bare.${table.slice(table.indexOf('.') + 1)}`;
      await client.query(`CREATE TABLE ${name} AS SELECT * FROM ${table} WITH NO DATA`);
      await addPrimaryKey(client, table, name);
      const began = performance.now();
      const load = client.query(copyFrom(`COPY ${name} FROM STDIN (FORMAT binary)`));
      await pipeline(chunks, load);
      total.ms += performance.now() - began;
      total.rows += load.rowCount;
    }
    await client.query('DROP SCHEMA bare CASCADE');
  } finally {
    await client.end();
  }
  return total;
}

async function addPrimaryKey(client: pg.Client, like: string, name: string): Promise<void> {
  const { rows } = await client.query<{ definition: string }>(
    `SELECT pg_get_constraintdef(oid) AS definition FROM pg_constraint WHERE conrelid = $1::regclass AND contype = 'p'`,
    [like],
  );
  const [key] = rows;
  if (key !== undefined) await client.query(`ALTER TABLE ${name} ADD ${key.definition}`);
}

function into(chunks: Buffer[]): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
}
