import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, copyFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { canReach, type UserIds } from '../../src/embedded/runAs.js';
import { compileEmbedded } from './compiled.js';
import { cleanUp, eventually, isRunning, natsForTests, temporaryFolder } from './support.js';

const FIXTURE = join(import.meta.dirname, 'fixtures', 'runEmbedded.mjs');
const NOBODY: UserIds = { uid: 65_534, gid: 65_534 };
const asRoot = process.getuid?.() === 0;
const TIMEOUT_MS = 60_000;

describe('the daemons of a parent', () => {
  it(
    'given it is killed with -9, then all daemons end, and the next start finds the data',
    async () => {
      const stage = await prepareStage();
      const first = await startParent(stage);
      await query(first.primary, 'create table kept as select 42 as answer');
      first.process.kill('SIGKILL');
      await eventually(() => first.pids.every((pid) => !isRunning(pid)));
      await eventually(() => mentions(stage.home).length === 0);
      const second = await startParent(stage);
      expect(await query(second.primary, 'select answer from kept')).toEqual([{ answer: 42 }]);
      expect([second.primary, second.replica]).toEqual([first.primary, first.replica]);
      await endParent(second);
      expect(mentions(stage.home)).toEqual([]);
    },
    TIMEOUT_MS,
  );

  it(
    'given it is killed with -9, when another starts at once, then the old daemons are gone before it opens the folders',
    async () => {
      const stage = await prepareStage();
      const first = await startParent(stage);
      first.process.kill('SIGKILL');
      const second = await startParent(stage);
      expect(first.pids.some(isRunning)).toBe(false);
      await eventually(
        async () => (await query(second.replica, 'select pid from pg_stat_wal_receiver')).length === 1,
      );
      await endParent(second);
    },
    TIMEOUT_MS,
  );

  it(
    'given Ctrl-C reaches the whole foreground group twice, then no daemon notices',
    async () => {
      const stage = await prepareStage();
      const parent = await startParent(stage);
      for (let press = 0; press < 2; press += 1) {
        const noticed = once(parent.process.stdout ?? process.stdin, 'data');
        process.kill(-(parent.process.pid ?? Number.NaN), 'SIGINT');
        await noticed;
      }
      expect(await query(parent.replica, 'select 1 as one')).toEqual([{ one: 1 }]);
      expect(parent.pids.every(isRunning)).toBe(true);
      await endParent(parent);
      expect(mentions(stage.home)).toEqual([]);
    },
    TIMEOUT_MS,
  );

  it.runIf(asRoot && canReach(FIXTURE.replace(/\/[^/]*$/, ''), NOBODY))(
    'given an ordinary user, then they start, survive a kill -9 of the parent and stop just so',
    async () => {
      const stage = await prepareStage(NOBODY);
      const first = await startParent(stage);
      first.process.kill('SIGKILL');
      await eventually(() => mentions(stage.home).length === 0);
      const second = await startParent(stage);
      expect(await query(second.replica, 'select pg_is_in_recovery() as standby')).toEqual([
        { standby: true },
      ]);
      await endParent(second);
      expect(mentions(stage.home)).toEqual([]);
    },
    TIMEOUT_MS,
  );
});

interface Stage {
  readonly dist: string;
  readonly home: string;
  readonly natsPath: string;
  readonly user: UserIds | undefined;
}

interface Parent {
  readonly process: ChildProcess;
  readonly pids: readonly number[];
  readonly primary: string;
  readonly replica: string;
}

async function prepareStage(user?: UserIds): Promise<Stage> {
  const dir = temporaryFolder();
  const home = join(dir, 'home');
  const natsPath = join(dir, 'nats-server');
  copyFileSync((await natsForTests()).path, natsPath);
  mkdirSync(home);
  if (user !== undefined) for (const path of [dir, home, natsPath]) chownSync(path, user.uid, user.gid);
  return {
    dist: compileEmbedded(['home.ts', 'natsServer.ts', 'natsBinary.ts', 'postgresPair.ts']),
    home,
    natsPath,
    user,
  };
}

async function startParent(stage: Stage): Promise<Parent> {
  const child = spawn(process.execPath, [FIXTURE, stage.dist, stage.home, stage.natsPath], {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: '/',
    detached: true,
    ...stage.user,
  });
  cleanUp(async () => {
    child.kill('SIGKILL');
    await eventually(() => mentions(stage.home).length === 0);
  });
  const answer = await Promise.race([once(child.stdout, 'data'), once(child, 'exit').then(() => undefined)]);
  if (answer === undefined) throw new Error('The parent ended before its servers were ready.');
  const ready: Omit<Parent, 'process'> = JSON.parse(String(answer[0]));
  return { process: child, ...ready };
}

async function endParent(parent: Parent): Promise<void> {
  const exited = once(parent.process, 'exit');
  parent.process.kill('SIGTERM');
  expect((await exited)[0]).toBe(0);
}

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

/** The processes, but for parents like ours, whose command line or working folder names that home. */
function mentions(home: string): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      return line.includes(home) && !line.includes('runEmbedded') ? [`${pid} ${line}`] : [];
    } catch {
      return [];
    }
  });
}
