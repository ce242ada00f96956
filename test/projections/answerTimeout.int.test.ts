import { describe, expect, it, onTestFinished } from 'vitest';
import { startTcpProxy } from '../../chaos/proxy/tcpProxy.js';
import { systemClock } from '../../src/core/clock.js';
import { createPool } from '../../src/postgres/pools.js';
import { withProjectorConnection } from '../../src/projections/projectorConnection.js';
import { createTestDatabase } from '../support/postgres.js';

describe("the projector's connection", () => {
  it('given a server whose answers are lost on the way, then the query ends with an error instead of waiting for ever', async () => {
    const db = await createTestDatabase();
    onTestFinished(() => db.drop());
    const direct = new URL(db.urlFor('spark_projector'));
    const wire = await startTcpProxy(Number(direct.port));
    onTestFinished(() => wire.close());
    direct.port = String(wire.port);
    const pool = createPool({ url: direct.href, applicationName: 'test', maxConnections: 1 });
    onTestFinished(() => pool.end());

    const outcome = withProjectorConnection(
      pool,
      systemClock,
      new AbortController().signal,
      async (client) => {
        wire.hurt({ kind: 'lose_reply' });
        await client.query('SELECT 1');
      },
      300,
    );

    await expect(outcome).rejects.toThrow('Connection terminated');
  });
});
