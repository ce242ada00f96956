import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CopyBuffer } from '../../src/postgres/copyBuffer.js';
import { copyInto } from '../../src/postgres/copyInto.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

/** More than sockets hold: rows wait in the process while Postgres says what it has against an early one. */
const ROWS = 60_000;

function rowsWith(refusedAt: number | undefined): CopyBuffer {
  const rows = new CopyBuffer();
  for (let i = 0; i < ROWS; i++) {
    rows.row(2);
    rows.int4(i === refusedAt ? -1 : i);
    rows.text('x'.repeat(400));
  }
  return rows;
}

describe('rows sent with COPY', () => {
  let database: TestDatabase;
  let client: pg.Client;

  beforeAll(async () => {
    database = await createTestDatabase({ empty: true });
    client = new pg.Client({ connectionString: database.adminUrl });
    await client.connect();
    await client.query('CREATE TABLE kept (n integer CHECK (n >= 0), t text)');
  });
  afterAll(async () => {
    await client.end();
    await database.drop();
  });

  it('given an early row that is refused while many wait to be sent, then that is the error, and the connection goes on', async () => {
    for (let round = 0; round < 5; round++)
      await expect(copyInto(client, 'kept', ['n', 't'], rowsWith(round))).rejects.toMatchObject({
        code: '23514',
      });
    await copyInto(client, 'kept', ['n', 't'], rowsWith(undefined));
    expect((await client.query('SELECT count(*)::int AS n FROM kept')).rows).toEqual([{ n: ROWS }]);
  });
});
