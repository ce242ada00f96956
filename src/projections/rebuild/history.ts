import type pg from 'pg';
import { streamSeqOf } from '../../events/event.js';
import type { Checkpoint } from '../checkpoint.js';
import { entriesOfLog } from '../logSession.js';
import type { LogSource } from '../ports.js';
import { PARTITIONS_RULE } from '../retention/partitionCut.js';
import type { Tables } from '../slots/tables.js';
import { type EntrySource, entriesOfHistory } from './entriesUpTo.js';
import { HistoryGoneError } from './errors.js';
import { entriesFromRows } from './fromRows.js';

/** The log as it is now. */
export interface LogState {
  readonly created: string;
  readonly firstStreamSeq: number;
  readonly lastStreamSeq: number;
  /** The live read models are of another log, or hold what this one has lost: nothing of them can be gone on with. */
  readonly foreign: boolean;
}

export async function readLogState(log: LogSource, live: Checkpoint | undefined): Promise<LogState> {
  const [created, firstStreamSeq, lastStreamSeq] = await Promise.all([
    log.created(),
    log.firstStreamSeq(),
    log.lastStreamSeq(),
  ]);
  const foreign =
    live !== undefined && (live.streamCreated !== created || streamSeqOf(live.lastSeq) > lastStreamSeq);
  return { created, firstStreamSeq, lastStreamSeq, foreign };
}

/**
 * Where the events come from: the stream, and for what limits have taken from its head, the live rows of `spark_events`.
 * @throws HistoryGoneError when the beginning is in neither, unless that is accepted
 */
export async function openHistory(
  pool: pg.Pool,
  log: LogSource,
  state: LogState,
  live: Tables,
  acceptLoss: boolean,
): Promise<EntrySource> {
  const { firstStreamSeq } = state;
  const gone = state.foreign
    ? 'and the rows of spark_events are of another log'
    : (await retentionCut(pool, state.created))
      ? 'and retention has taken the oldest rows of spark_events'
      : undefined;
  if (firstStreamSeq > 1 && gone !== undefined && !acceptLoss)
    throw new HistoryGoneError(
      `the log begins at message ${firstStreamSeq} (limits of the stream have taken what was before), ${gone}: rebuilt, the read models ` +
        'would lack what only those events told. To do it all the same: --accept-loss',
      { fields: { firstStreamSeq } },
    );
  const from = live.of('spark_events');
  return entriesOfHistory(
    entriesOfLog(log),
    (range, signal) => (state.foreign ? nothing() : entriesFromRows(pool, from, range, signal)),
    async () => {
      const [first, last] = await Promise.all([log.firstStreamSeq(), log.lastStreamSeq()]);
      return { firstStreamSeq: first, lastStreamSeq: last };
    },
  );
}

async function* nothing(): AsyncGenerator<never> {}

async function retentionCut(pool: pg.Pool, created: string): Promise<boolean> {
  const { rows } = await pool.query(
    'SELECT FROM spark.retention_cuts WHERE rule = $1 AND stream_created = $2 LIMIT 1',
    [PARTITIONS_RULE, created],
  );
  return rows.length > 0;
}
