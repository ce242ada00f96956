import { chmodSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { type Home, openHome } from '../../src/embedded/home.js';
import {
  type PostgresPair,
  type PostgresPairOptions,
  startPostgresPair,
} from '../../src/embedded/postgresPair.js';
import { cleanUp, eventually, temporaryFolder, temporaryHome } from './support.js';

const TIMEOUT_MS = 60_000;

describe('the Postgres pair', () => {
  it(
    'given a new home, when it starts, then the standby is read-only, shows what the primary gets and keeps it',
    async () => {
      const home = await temporaryHome();
      const pair = await startPair(home);
      await query(pair.primary.url, 'create table facts as select 1 as seq');
      await eventually(() => query(pair.replica.url, 'select seq from facts'));
      expect(await query(pair.replica.url, 'select pg_is_in_recovery() as standby')).toEqual([
        { standby: true },
      ]);
      await expect(connectAndRun(pair.replica.url, 'insert into facts values (2)')).rejects.toMatchObject({
        code: '25006',
      });
      await pair.stop();
      const again = await startPair(home);
      expect(again.primary.url).toBe(pair.primary.url);
      expect(await query(again.replica.url, 'select seq from facts')).toEqual([{ seq: 1 }]);
    },
    TIMEOUT_MS,
  );

  it(
    'given the primary is killed with -9, then it is back on its port with its data and the standby streams again',
    async () => {
      const pair = await startPair(await temporaryHome());
      await query(pair.primary.url, 'create table facts as select 1 as seq');
      const killed = kill(pair.primary.pid);
      await eventually(() => pair.primary.pid !== undefined && pair.primary.pid !== killed);
      await eventually(() => query(pair.primary.url, 'insert into facts values (2) returning seq'));
      await eventually(async () => (await query(pair.replica.url, 'select seq from facts'))?.length === 2);
    },
    TIMEOUT_MS,
  );

  it(
    'given the standby is killed with -9, then it is back on its port and streams again',
    async () => {
      const pair = await startPair(await temporaryHome());
      const killed = kill(pair.replica.pid);
      await query(pair.primary.url, 'create table facts as select 1 as seq');
      await eventually(() => query(pair.replica.url, 'select seq from facts'));
      expect(pair.replica.pid).not.toBe(killed);
    },
    TIMEOUT_MS,
  );

  it(
    'given a standby whose WAL the primary no longer has, then it is seeded again and streams',
    async () => {
      let reseeds = 0;
      const options = {
        walKeepMiB: 0,
        standbyPatienceMs: { not_receiving: 500 },
        sampleEveryMs: 100,
        onReseeded: () => (reseeds += 1),
      };
      const pair = await startPair(await temporaryHome(), options);
      await pair.replica.stop();
      await query(pair.primary.url, 'create table facts as select 1 as seq');
      for (let round = 0; round < 3; round += 1) {
        await query(pair.primary.url, 'insert into facts select generate_series(1, 10000)');
        await query(pair.primary.url, 'select pg_switch_wal()');
        await query(pair.primary.url, 'checkpoint');
      }
      expect(reseeds).toBe(0); // it is stopped on purpose
      await pair.replica.start();
      await eventually(
        async () => (await query(pair.replica.url, 'select seq from facts'))?.length === 30_001,
        20_000,
      );
      // It is told once the standby is up, which answers a moment before.
      await eventually(async () => reseeds > 0);
      expect(reseeds).toBe(1);
      await query(pair.primary.url, 'create table later as select 1 as seq');
      await eventually(() => query(pair.replica.url, 'select seq from later'));
    },
    TIMEOUT_MS,
  );

  it(
    "given the standby's folder is lost between runs, when the pair starts, then it is seeded while the primary runs",
    async () => {
      const home = await temporaryHome();
      const pair = await startPair(home);
      await query(pair.primary.url, 'create table facts as select 1 as seq');
      await pair.stop();
      rmSync(join(pair.rootDir, 'standby'), { recursive: true });
      const again = await startPair(home);
      expect(await eventually(() => query(again.replica.url, 'select seq from facts'))).toEqual([{ seq: 1 }]);
    },
    TIMEOUT_MS,
  );

  it(
    'given it is stopped twice at once, then it is stopped',
    async () => {
      const home = await temporaryHome();
      const pair = await startPair(home);
      const [first, second] = [pair.stop(), pair.stop()];
      await Promise.all([first, second]);
      expect([pair.primary.pid, pair.replica.pid]).toEqual([undefined, undefined]);
    },
    TIMEOUT_MS,
  );

  it.runIf(process.getuid?.() === 0)(
    'given root and a home that the unprivileged user cannot reach, then the data lies outside, and fresh wipes it',
    async () => {
      const closed = join(temporaryFolder(), 'closed');
      mkdirSync(closed, { mode: 0o700 });
      chmodSync(closed, 0o700);
      const outsideDir = temporaryFolder();
      const home = await temporaryHome(join(closed, 'home'));
      const pair = await startPair(home, { outsideDir });
      expect(pair.rootDir.startsWith(outsideDir)).toBe(true);
      await pair.stop();
      home.release();
      (await openHome({ dir: home.dir, fresh: true })).release();
      expect(existsSync(pair.rootDir)).toBe(false);
    },
    TIMEOUT_MS,
  );
});

async function startPair(home: Home, options: Omit<PostgresPairOptions, 'home'> = {}): Promise<PostgresPair> {
  const pair = await startPostgresPair({ home, ...options });
  cleanUp(() => pair.stop());
  return pair;
}

function kill(pid: number | undefined): number {
  if (pid === undefined) throw new Error('It does not run.');
  process.kill(pid, 'SIGKILL');
  return pid;
}

/** The rows; undefined while the server or the table is not there. */
async function query(url: string, sql: string): Promise<unknown[] | undefined> {
  return connectAndRun(url, sql).catch(() => undefined);
}

async function connectAndRun(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query(sql)).rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}
