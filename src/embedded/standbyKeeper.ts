/** Watches the standby once a second and has it resumed, restarted or seeded again when it makes no progress. */
import { setTimeout as sleep } from 'node:timers/promises';
import { PatientConnection, type PostgresTarget, type Row } from './postgresSql.js';
import {
  FIRST_HEALTH,
  judgeStandby,
  type StandbyLimits,
  type StandbyRepair,
  type StandbySample,
} from './standbyHealth.js';

/** The functions about replay fail on a server that is no standby (any more). */
const SAMPLE_SQL = `select pg_is_in_recovery() as standby, receiver.pid,
    pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::float8 as replayed_to,
    case when pg_is_in_recovery() then pg_is_wal_replay_paused() else false end as paused,
    exists (
      select from pg_stat_activity
      where backend_type = 'startup'
        and (wait_event_type in ('Lock', 'BufferPin', 'Buffer') or wait_event like 'RecoveryConflict%')
    ) as waits_for_query
  from (values (1)) as one (row) left join pg_stat_wal_receiver receiver on true`;
const PRIMARY_SQL = `select pg_wal_lsn_diff(pg_current_wal_flush_lsn(), '0/0')::float8 as wrote_to`;

export interface StandbyKeeperOptions {
  readonly primary: PostgresTarget;
  readonly standby: PostgresTarget;
  readonly limits: StandbyLimits;
  readonly sampleEveryMs: number;
  /** False while the standby is stopped on purpose. */
  readonly isWanted: () => boolean;
  /** What its process and its folder say, whatever its socket says; undefined: nothing against it. */
  readonly brokenHow: () => 'will_not_start' | 'folder_gone' | undefined;
  /** Resolves when the standby serves again (`resume`: at once). */
  readonly repair: (repair: StandbyRepair, signal: AbortSignal) => Promise<void>;
  readonly onRepair?: ((repair: StandbyRepair) => void) | undefined;
  readonly onRepairFailed?: ((error: unknown, repair: StandbyRepair) => void) | undefined;
}

/** Starts watching. Returns the stop: idempotent, waits for a repair under way to give up. */
export function startStandbyKeeper(options: StandbyKeeperOptions): () => Promise<void> {
  const abort = new AbortController();
  const watching = watch(options, abort.signal);
  return async () => {
    abort.abort();
    await watching;
  };
}

async function watch(options: StandbyKeeperOptions, signal: AbortSignal): Promise<void> {
  const primary = new PatientConnection(options.primary);
  const standby = new PatientConnection(options.standby);
  signal.addEventListener('abort', () => closeAll(primary, standby), { once: true });
  let health = FIRST_HEALTH;
  while (!signal.aborted) {
    // The primary first: what it writes while the standby is asked must not look like a lag.
    const wroteTo = options.isWanted() ? await primaryWroteTo(primary) : undefined;
    const sample = await takeSample(standby, options);
    const verdict = judgeStandby(health, sample, wroteTo, performance.now(), options.limits);
    health = verdict.health;
    if (verdict.repair !== undefined && options.isWanted() && !signal.aborted) {
      standby.close();
      await repair(options, verdict.repair, signal);
    }
    await sleep(options.sampleEveryMs, undefined, { signal }).catch(() => undefined);
  }
  closeAll(primary, standby);
}

async function repair(
  options: StandbyKeeperOptions,
  wanted: StandbyRepair,
  signal: AbortSignal,
): Promise<void> {
  options.onRepair?.(wanted);
  try {
    await options.repair(wanted, signal);
  } catch (error) {
    if (!signal.aborted) options.onRepairFailed?.(error, wanted);
  }
}

async function primaryWroteTo(primary: PatientConnection): Promise<number | undefined> {
  const wroteTo = (await firstRow(primary, PRIMARY_SQL))?.['wrote_to'];
  return typeof wroteTo === 'number' ? wroteTo : undefined;
}

async function takeSample(
  standby: PatientConnection,
  { brokenHow }: StandbyKeeperOptions,
): Promise<StandbySample> {
  const answer = await standby.ask(SAMPLE_SQL);
  const broken = brokenHow();
  if (broken !== undefined) return { kind: 'away', how: broken };
  if ('none' in answer) return { kind: 'away', how: answer.none };
  const [row] = answer.rows;
  const pid = row?.['pid'];
  return {
    kind: 'answers',
    isStandby: row?.['standby'] === true,
    receiverPid: typeof pid === 'number' ? pid : undefined,
    replayedTo: Number(row?.['replayed_to'] ?? 0),
    isPaused: row?.['paused'] === true,
    waitsForQuery: row?.['waits_for_query'] === true,
  };
}

async function firstRow(connection: PatientConnection, sql: string): Promise<Row | undefined> {
  const answer = await connection.ask(sql);
  return 'rows' in answer ? answer.rows[0] : undefined;
}

function closeAll(...connections: readonly PatientConnection[]): void {
  for (const connection of connections) connection.close();
}
