/** The embedded Postgres: a primary and a physical hot standby, seeded and kept streaming. */

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../core/clock.js';
import { deadline } from '../core/deadline.js';
import type { Home } from './home.js';
import { APP_DATABASE, REPLICATOR_ROLE } from './postgresConfig.js';
import { isDataFolder, replaceDataFolder } from './postgresFolder.js';
import { type PostgresLayout, preparePostgresLayout } from './postgresLayout.js';
import { createPostgresServer } from './postgresServer.js';
import { type PostgresTarget, postgresUrl, waitForPostgres, withConnection } from './postgresSql.js';
import type { StandbyPatience, StandbyRepair } from './standbyHealth.js';
import { startStandbyKeeper } from './standbyKeeper.js';
import { seedFromRunningPrimary } from './standbySeed.js';
import { endStragglers } from './stragglers.js';
import type { ChildExit, SupervisedChild } from './supervisedChild.js';

const WAL_KEEP_MIB = 512;
/** Crash recovery may have to replay `max_wal_size`. */
const READY_TIMEOUT_MS = 120_000;
/** At a start it is quicker to seed a standby anew than to wait longer. */
const STANDBY_PATIENCE_MS = 20_000;
const SAMPLE_EVERY_MS = 1_000;
/** A standby that has been well for so long starts with a clean sheet. */
const STEADY_AFTER_MS = 60_000;
/** Replay may wait `max_standby_streaming_delay` (3 s) for a reader's query, and a single large record takes its time. */
const STANDBY_PATIENCE: StandbyPatience = {
  not_receiving: 5_000,
  not_a_standby: 5_000,
  folder_gone: 5_000,
  will_not_start: 5_000,
  replay_paused: 10_000,
  silent: 10_000,
  failing: 10_000,
  replay_stuck: 20_000,
  refused: 30_000,
  // it may be replaying WAL of its own before it is consistent
  starting: READY_TIMEOUT_MS,
};
/** Starts that fail one after the other until its data is to blame. */
const FAILED_STARTS_MAX = 3;
const CREATE_TIMEOUT_MS = 60_000;
const READY_KEY = 'postgresReady';

export interface PostgresPairOptions {
  readonly home: Home;
  readonly onProgress?: (message: string) => void;
  readonly onExit?: (exit: ChildExit) => void;
  readonly onRestart?: (server: 'postgres' | 'replica', pid: number) => void;
  /** The standby had lost its place and was seeded anew. */
  readonly onReseeded?: () => void;
  /** The standby is unwell: this is done about it now. */
  readonly onRepair?: (repair: StandbyRepair) => void;
  readonly onRepairFailed?: (error: unknown, repair: StandbyRepair) => void;
  readonly walKeepMiB?: number;
  /** Replaces how long each ailment of the standby may last. */
  readonly standbyPatienceMs?: Partial<StandbyPatience>;
  readonly standbySteadyAfterMs?: number;
  readonly sampleEveryMs?: number;
  /** Where the data goes when the unprivileged user cannot reach the home. */
  readonly outsideDir?: string;
}

export interface PostgresServerHandle {
  /** The pid while it runs: changes with a restart. */
  readonly pid: number | undefined;
  readonly port: number;
  /** URL of the superuser `spark_owner` on the database `spark`. */
  readonly url: string;
  /** Starts it again after `stop` (a fault for tests). */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts both servers, from nothing if need be, and resolves when the database `spark` answers on both.
 * @throws ChildStartError, PostgresBinaryMissingError, PostgresUnusableError
 */
export async function startPostgresPair(options: PostgresPairOptions): Promise<PostgresPair> {
  const pair = new PostgresPair(options, await preparePostgresLayout(options.home, options));
  try {
    await pair.start();
    return pair;
  } catch (error) {
    await pair.stop();
    throw error;
  }
}

export class PostgresPair {
  readonly primary: PostgresServerHandle;
  readonly replica: PostgresServerHandle;
  /** The folder of the data and perhaps of the programs. */
  readonly rootDir: string;
  readonly #options: PostgresPairOptions;
  readonly #layout: PostgresLayout;
  readonly #primary: SupervisedChild;
  readonly #standby: SupervisedChild;
  readonly #stopping = new AbortController();
  #standbyIsWanted = true;
  /** Starts of the standby that have failed since the last one that did not. */
  #failedStarts = 0;
  #reseeding: Promise<void> | undefined;
  #stopKeeper: (() => Promise<void>) | undefined;

  constructor(options: PostgresPairOptions, layout: PostgresLayout) {
    this.#options = options;
    this.#layout = layout;
    this.rootDir = layout.rootDir;
    this.#primary = createServer(options, layout, 'postgres', () => undefined);
    this.#standby = createServer(options, layout, 'replica', (started) => {
      this.#failedStarts = started ? 0 : this.#failedStarts + 1;
    });
    this.primary = handleOf(this.#primary, layout.primary, () => undefined);
    this.replica = handleOf(this.#standby, layout.standby, (wanted) => {
      this.#standbyIsWanted = wanted;
    });
  }

  async start(): Promise<void> {
    const { state } = this.#options.home;
    const knownBefore = state.get(READY_KEY) === true;
    const early = knownBefore ? this.#tryStandby() : undefined;
    await this.#primary.start();
    if (!knownBefore) await createReplicator(this.#layout); // the standby logs in with it
    const created = knownBefore ? undefined : createDatabase(this.#layout);
    const [standbyServes] = await Promise.all([early ?? this.#tryStandby(), created]);
    if (!standbyServes) await this.reseedReplica();
    if (!knownBefore) state.set(READY_KEY, true);
    const limit = deadline(systemClock, STANDBY_PATIENCE_MS, this.#stopping.signal);
    try {
      await waitForPostgres(this.#layout.standby, limit.signal);
    } finally {
      limit.clear();
    }
    this.#stopKeeper = this.#keepStandby();
  }

  /** Copies the primary's data to the standby while the primary runs, and starts the standby on it. */
  reseedReplica(): Promise<void> {
    this.#reseeding ??= this.#reseed().finally(() => {
      this.#reseeding = undefined;
    });
    return this.#reseeding;
  }

  /** Stops both, side by side (a primary alone would wait for its standby). Idempotent. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all([this.#standby.stop(), this.#primary.stop(), this.#stopKeeper?.()]);
    await this.#reseeding?.catch(() => undefined);
  }

  /** False when the standby's folder is missing, beyond recovery or slow: it is seeded again then. */
  async #tryStandby(): Promise<boolean> {
    if (!isDataFolder(this.#layout.standbyDir)) return false;
    const started = this.#standby.start().then(
      () => true,
      () => false,
    );
    const patience = new AbortController();
    const tired = sleep(STANDBY_PATIENCE_MS, false, { signal: patience.signal }).catch(() => false);
    const serves = await Promise.race([started, tired]);
    patience.abort();
    return serves;
  }

  async #reseed(): Promise<void> {
    const { primary, primaryDir, standbyDir, user } = this.#layout;
    // The old standby answers, stale, until the copy is complete.
    const draft = await seedFromRunningPrimary(primary, primaryDir, standbyDir, user);
    await this.#standby.stop();
    await endStragglers(standbyDir);
    this.#stopping.signal.throwIfAborted();
    replaceDataFolder(draft, standbyDir);
    await this.#standby.start();
    this.#failedStarts = 0;
    this.#options.onReseeded?.();
  }

  async #restartStandby(): Promise<void> {
    await this.#standby.stop();
    await endStragglers(this.#layout.standbyDir);
    this.#stopping.signal.throwIfAborted();
    await this.#standby.start();
    this.#options.onRestart?.('replica', this.#standby.pid ?? 0);
  }

  async #repair({ action }: StandbyRepair): Promise<void> {
    if (action === 'reseed') return this.reseedReplica();
    if (action === 'restart') return this.#restartStandby();
    await withConnection(this.#layout.standby, (ask) => ask('select pg_wal_replay_resume()'));
  }

  #brokenHow(): 'will_not_start' | 'folder_gone' | undefined {
    if (!isDataFolder(this.#layout.standbyDir)) return 'folder_gone';
    return this.#failedStarts >= FAILED_STARTS_MAX ? 'will_not_start' : undefined;
  }

  #keepStandby(): () => Promise<void> {
    const { standbyPatienceMs, standbySteadyAfterMs, sampleEveryMs = SAMPLE_EVERY_MS } = this.#options;
    return startStandbyKeeper({
      primary: this.#layout.primary,
      standby: this.#layout.standby,
      limits: {
        patienceMs: { ...STANDBY_PATIENCE, ...standbyPatienceMs },
        steadyAfterMs: standbySteadyAfterMs ?? STEADY_AFTER_MS,
      },
      sampleEveryMs,
      isWanted: () => this.#standbyIsWanted,
      brokenHow: () => this.#brokenHow(),
      repair: (repair) => this.#repair(repair),
      onRepair: this.#options.onRepair,
      onRepairFailed: this.#options.onRepairFailed,
    });
  }
}

function createServer(
  options: PostgresPairOptions,
  layout: PostgresLayout,
  name: 'postgres' | 'replica',
  onStart: (started: boolean) => void,
): SupervisedChild {
  const { primary, standby, programs, user, replicatorPassword } = layout;
  const isPrimary = name === 'postgres';
  const streamFrom = { port: primary.port, user: REPLICATOR_ROLE, password: replicatorPassword };
  const config = {
    port: (isPrimary ? primary : standby).port,
    walKeepMiB: options.walKeepMiB ?? WAL_KEEP_MIB,
  };
  return createPostgresServer({
    name,
    programs,
    user,
    dataDir: isPrimary ? layout.primaryDir : layout.standbyDir,
    config: isPrimary ? config : { ...config, primary: streamFrom },
    ownerPassword: primary.password,
    runDir: options.home.runDir,
    logFile: join(options.home.stateDir('logs'), `${name}.log`),
    readyTimeoutMs: READY_TIMEOUT_MS,
    onExit: (exit) => {
      if (exit.error !== undefined) onStart(false);
      options.onExit?.(exit);
    },
    onRestart: (pid) => {
      onStart(true);
      options.onRestart?.(name, pid);
    },
  });
}

function handleOf(
  server: SupervisedChild,
  target: PostgresTarget,
  onWanted: (wanted: boolean) => void,
): PostgresServerHandle {
  return {
    get pid() {
      return server.pid;
    },
    port: target.port,
    url: postgresUrl(target),
    start() {
      onWanted(true);
      return server.start();
    },
    stop() {
      onWanted(false);
      return server.stop();
    },
  };
}

async function createReplicator(layout: PostgresLayout): Promise<void> {
  await withConnection({ ...layout.primary, database: 'postgres' }, async (ask) => {
    const known = await ask('select 1 from pg_roles where rolname = $1', [REPLICATOR_ROLE]);
    // The password is base64url, made by us: nothing to escape.
    const verb = known.length === 0 ? 'create' : 'alter';
    await ask(
      `${verb} role ${REPLICATOR_ROLE} with login replication password '${layout.replicatorPassword}'`,
    );
  });
}

async function createDatabase(layout: PostgresLayout): Promise<void> {
  await withConnection(
    { ...layout.primary, database: 'postgres' },
    async (ask) => {
      const known = await ask('select 1 from pg_database where datname = $1', [APP_DATABASE]);
      if (known.length === 0) await ask(`create database ${APP_DATABASE}`);
    },
    CREATE_TIMEOUT_MS,
  );
}
