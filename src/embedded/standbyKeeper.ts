/** Watches the standby once a second and has it seeded again when it has lost its place. */
import { setTimeout as sleep } from 'node:timers/promises';
import { PatientConnection, type PostgresTarget } from './postgresSql.js';
import { FIRST_HEALTH, judgeStandby, type StandbyLimits, type StandbySample } from './standbyHealth.js';

const SAMPLE_SQL = `select r.pid, pg_last_wal_replay_lsn()::text as replayed_to
  from (values (1)) as one left join pg_stat_wal_receiver r on true`;

export interface StandbyKeeperOptions {
  readonly primary: PostgresTarget;
  readonly standby: PostgresTarget;
  readonly limits: StandbyLimits;
  readonly sampleEveryMs: number;
  /** False while the standby is stopped on purpose. */
  readonly isWanted: () => boolean;
  readonly reseed: (signal: AbortSignal) => Promise<void>;
  readonly onReseedFailed?: ((error: unknown) => void) | undefined;
}

/** Starts watching. Returns the stop: idempotent, waits for a re-seed under way to give up. */
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
    const sample = await takeSample(standby);
    const mayBeLost = sample.kind === 'unreachable' || sample.receiverPid === undefined;
    const primaryAnswers =
      options.isWanted() && (!mayBeLost || (await primary.ask('select 1')) !== undefined);
    const verdict = judgeStandby(health, sample, primaryAnswers, performance.now(), options.limits);
    health = verdict.health;
    if (verdict.reseed && !signal.aborted) {
      standby.close();
      await options.reseed(signal).catch((error: unknown) => {
        if (!signal.aborted) options.onReseedFailed?.(error);
      });
    }
    await sleep(options.sampleEveryMs, undefined, { signal }).catch(() => undefined);
  }
  closeAll(primary, standby);
}

async function takeSample(standby: PatientConnection): Promise<StandbySample> {
  const row = (await standby.ask(SAMPLE_SQL))?.[0];
  if (row === undefined) return { kind: 'unreachable' };
  const pid = row['pid'];
  return {
    kind: 'answers',
    receiverPid: typeof pid === 'number' ? pid : undefined,
    replayedTo: String(row['replayed_to']),
  };
}

function closeAll(...connections: readonly PatientConnection[]): void {
  for (const connection of connections) connection.close();
}
