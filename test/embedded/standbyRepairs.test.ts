import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Home, openHome } from '../../src/embedded/home.js';
import { type PostgresPair, startPostgresPair } from '../../src/embedded/postgresPair.js';
import type { StandbyAilment } from '../../src/embedded/standbyHealth.js';
import { eventually } from './support.js';

const TIMEOUT_MS = 60_000;
const AILMENTS: readonly StandbyAilment[] = [
  ...(['not_receiving', 'not_a_standby', 'folder_gone', 'will_not_start', 'replay_paused'] as const),
  ...(['silent', 'failing', 'replay_stuck', 'refused', 'starting'] as const),
];
/** Quick; but how long starts take, or three that fail, is the machine's affair. */
const PATIENCE = {
  ...Object.fromEntries(AILMENTS.map((ailment) => [ailment, 1_500])),
  ...{ starting: 30_000, refused: 30_000 },
};

/** When its keeper asked it last. */
const LOOKS = `select query_start::text as at from pg_stat_activity where application_name = 'spark_launcher' and pid <> pg_backend_pid()`;

/** Every repair of the standby of one pair, told as `restart silent`. */
describe('a standby that is unwell is repaired', () => {
  let home: Home;
  let pair: PostgresPair;
  let repairs: string[] = [];
  let failures: unknown[] = [];
  let rounds = 0;
  const leftovers: (() => void)[] = [];

  const start = async (): Promise<PostgresPair> => {
    const started = await startPostgresPair({
      ...{ home, sampleEveryMs: 200, standbyPatienceMs: PATIENCE, standbySteadyAfterMs: 0 },
      onRepair: ({ action, reason }) => repairs.push(`${action} ${reason}`),
      onRepairFailed: (error) => failures.push(error),
    });
    return started;
  };

  const newHome = async (): Promise<Home> => {
    const dir = mkdtempSync(join(tmpdir(), 'spark-test-'));
    chmodSync(dir, 0o755);
    const opened = await openHome({ dir: join(dir, 'home'), fresh: false });
    leftovers.push(() => {
      opened.release();
      rmSync(dir, { recursive: true, force: true });
    });
    return opened;
  };

  beforeAll(async () => {
    home = await newHome();
    pair = await start();
    await run(pair.primary.url, 'create table facts (seq integer)');
  }, TIMEOUT_MS);

  afterAll(async () => {
    await pair.stop();
    for (const remove of leftovers) remove();
  });

  beforeEach(() => {
    repairs = [];
    failures = [];
  });

  const standbyDir = (): string => join(pair.rootDir, 'standby');

  /** A row written now comes over, and its keeper has seen that it is well. */
  const streamsAgain = async (): Promise<void> => {
    rounds += 1;
    const seq = rounds;
    await eventually(async () => {
      await query(pair.primary.url, `insert into facts values (${seq})`);
      const rows = await query(pair.replica.url, `select from facts where seq = ${seq}`);
      return rows !== undefined && rows.length > 0;
    }, TIMEOUT_MS);
    const looks = new Set<unknown>();
    await eventually(async () => {
      const rows = await query(pair.replica.url, LOOKS);
      for (const row of rows ?? []) looks.add((row as { at: unknown }).at);
      return looks.size > 4;
    }, TIMEOUT_MS);
  };

  it(
    'given its data folder vanishes under it, then it is seeded again',
    async () => {
      rmSync(standbyDir(), { recursive: true });
      await eventually(() => repairs.length > 0, TIMEOUT_MS);
      await streamsAgain();
      expect([repairs, failures]).toEqual([['reseed folder_gone'], []]);
    },
    TIMEOUT_MS,
  );

  it(
    'given it is killed and its control file is broken, so that it cannot start, then it is seeded again',
    async () => {
      truncateSync(join(standbyDir(), 'global', 'pg_control'), 100);
      kill(pair.replica.pid, 'SIGKILL');
      await eventually(() => repairs.length > 0, TIMEOUT_MS);
      await streamsAgain();
      expect([repairs, failures]).toEqual([['reseed will_not_start'], []]);
    },
    TIMEOUT_MS,
  );

  it(
    'given the whole of it is frozen, then it is restarted, and no frozen process is left behind',
    async () => {
      const { pid: postmaster } = pair.replica;
      // Frozen first, it starts no others; a backend that ends meanwhile need not be frozen.
      kill(postmaster, 'SIGSTOP');
      const frozen = [postmaster, ...childrenOf(postmaster).filter(freezes)];
      await streamsAgain();
      expect([repairs, failures]).toEqual([['restart silent'], []]);
      await eventually(() => !frozen.some((pid) => pid !== undefined && isThere(pid)), TIMEOUT_MS);
    },
    TIMEOUT_MS,
  );

  it(
    'given only its postmaster is frozen, so that old connections go on and new ones hang, then it is restarted',
    async () => {
      kill(pair.replica.pid, 'SIGSTOP');
      await eventually(() => repairs.length > 0, TIMEOUT_MS);
      await streamsAgain();
      expect([repairs, failures]).toEqual([['restart silent'], []]);
    },
    TIMEOUT_MS,
  );

  it.each(['walreceiver', 'startup'])(
    'given its %s is frozen, so that it is listed as streaming and shows nothing new, then it is restarted',
    async (kind) => {
      const found = () => childrenOf(pair.replica.pid).find((pid) => titleOf(pid).includes(kind));
      await eventually(() => found() !== undefined, TIMEOUT_MS);
      kill(found(), 'SIGSTOP');
      await run(pair.primary.url, 'insert into facts values (-1)');
      await streamsAgain();
      // A frozen receiver is cut off by its primary after a while: then it receives nothing.
      expect(repairs[0]).toBe('restart replay_stuck');
      expect([repairs.length, failures]).toEqual([1, []]);
    },
    TIMEOUT_MS,
  );

  it(
    'given its replay is paused, then it is resumed',
    async () => {
      await run(pair.replica.url, 'select pg_wal_replay_pause()');
      await streamsAgain();
      expect([repairs, failures]).toEqual([['resume replay_paused'], []]);
    },
    TIMEOUT_MS,
  );

  it(
    'given readers whose queries its replay has to wait for, again and again, then nothing is repaired',
    async () => {
      for (let round = 0; round < 2; round += 1) {
        await run(pair.primary.url, `create table locked_${round} as select 1 as one`);
        await eventually(() => query(pair.replica.url, `select from locked_${round}`));
        const slow = query(pair.replica.url, `select pg_sleep(20) from locked_${round}`);
        await eventually(
          async () =>
            (await query(pair.replica.url, `select from pg_stat_activity where wait_event = 'PgSleep'`))
              ?.length,
        );
        // An exclusive lock: replayed, it waits until the reader is done or is ended after 3 s.
        await run(pair.primary.url, `drop table locked_${round}`);
        expect(await slow, 'Postgres has ended the query').toBeUndefined();
      }
      await streamsAgain();
      expect([repairs, failures]).toEqual([[], []]);
    },
    TIMEOUT_MS,
  );

  it(
    'given the data of another cluster in its place, which answers and receives nothing, then it is seeded again',
    async () => {
      const stranger = await startPostgresPair({ home: await newHome() });
      await stranger.stop();
      await pair.stop();
      const dir = standbyDir();
      rmSync(dir, { recursive: true });
      execFileSync('cp', ['-a', join(stranger.rootDir, 'standby'), dir]);
      // Over there the passwords are others.
      writeFileSync(join(dir, 'pg_hba.conf'), 'host all all 127.0.0.1/32 trust\n');
      pair = await start();
      await streamsAgain();
      expect(repairs).toEqual(['reseed not_receiving']);
      expect(await query(pair.primary.url, 'select system_identifier from pg_control_system()')).toEqual(
        await query(pair.replica.url, 'select system_identifier from pg_control_system()'),
      );
    },
    TIMEOUT_MS,
  );
});

function childrenOf(pid: number | undefined): number[] {
  return readdirSync('/proc').flatMap((name) =>
    /^\d+$/.test(name) && parentOf(Number(name)) === pid ? [Number(name)] : [],
  );
}

/** Undefined for a process that has ended, whether or not somebody has taken note of it. */
function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' ? undefined : Number(parent);
  } catch {
    return undefined;
  }
}

function titleOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return ''; // it has just ended
  }
}

function isThere(pid: number): boolean {
  return parentOf(pid) !== undefined;
}

function kill(pid: number | undefined, signal: 'SIGKILL' | 'SIGSTOP'): void {
  if (pid === undefined) throw new Error('It does not run.');
  process.kill(pid, signal);
}

function freezes(pid: number): boolean {
  try {
    process.kill(pid, 'SIGSTOP');
    return true;
  } catch {
    return false;
  }
}

/** The rows; undefined while the server does not answer or the query fails. */
async function query(url: string, sql: string): Promise<unknown[] | undefined> {
  return run(url, sql).catch(() => undefined);
}

async function run(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 2_000,
    query_timeout: 25_000,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query(sql)).rows;
  } finally {
    void client.end().catch(() => undefined);
  }
}
