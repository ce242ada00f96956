import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import type { CopyBuffer } from './copyBuffer.js';

/** Sends the rows to a table with COPY; resolves when Postgres has taken them all. Nothing is sent for no rows. */
export async function copyInto(
  client: pg.ClientBase,
  table: string,
  columns: readonly string[],
  rows: CopyBuffer,
): Promise<void> {
  if (rows.rows === 0) return;
  const stream = client.query(copyFrom(`COPY ${table} (${columns.join(', ')}) FROM STDIN (FORMAT binary)`));
  await new Promise<void>((resolve, reject) => {
    // A connection lost between two chunks ends the client, and the stream may never hear of it.
    const onEnd = (): void => reject(new Error('the connection to Postgres was lost during COPY'));
    const settle = (done: () => void) => () => {
      client.off('end', onEnd);
      done();
    };
    client.once('end', onEnd);
    stream.once('error', (error) => {
      // What still waits to be sent must not be: the stream has let go of its connection by then.
      stream.destroy();
      settle(() => reject(error))();
    });
    stream.once('finish', settle(resolve));
    for (const piece of rows.finish()) stream.write(piece);
    stream.end();
  });
}
