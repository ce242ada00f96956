import type pg from 'pg';
import { inTransaction } from '../../postgres/transaction.js';
import { LOG_CHECKPOINT, readCheckpoint } from '../checkpoint.js';
import { CheckpointMovedError } from '../errors.js';
import type { TableName } from '../readModels.js';
import { flip, lockLog } from '../slots/switch.js';
import { bySlot, type RebuildJob } from './begin.js';
import type { IdleFold } from './idleFold.js';
import { forgetIdleTables, type IdleRole, noteIdleTables } from './idleTables.js';

/** Whoever holds the log's checkpoint (a batch of the projector) is gone within this. */
const LOCK_TIMEOUT_MS = 30_000;

export interface SwitchOver {
  readonly job: Pick<RebuildJob, 'checkpoint' | 'slots' | 'log'>;
  readonly flip: readonly string[];
  /** Nothing of the old version stays live: the new one may be at another place of the log. */
  readonly whole: boolean;
  readonly fold: IdleFold;
  /** What built it. */
  readonly build: string;
  /** Roles of what is built and not flipped, and of what is live until now, afterwards. */
  readonly rolesAfter: (table: TableName) => IdleRole;
}

/**
 * One transaction that lets readers see the new version: the live projector is held, the last difference folded (on the rebuild's own
 * connection), the pointers moved. Killed before its commit nothing has happened. What was live stays, at the place where it stood, to go
 * back to. Answers the place.
 */
export async function switchOver(
  control: pg.ClientBase,
  { job, flip: names, whole, fold, build, rolesAfter }: SwitchOver,
  signal: AbortSignal,
): Promise<number> {
  const { checkpoint, slots, log } = job;
  return inTransaction(control, async () => {
    await control.query(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
    const live = await lockLog(control);
    const foreign = log.foreign && whole;
    if (!foreign && live.streamCreated !== log.created)
      throw new CheckpointMovedError('the log was exchanged during the rebuild: begin anew');
    if (!foreign) await fold.to(live.lastSeq, signal);
    const mine = await readCheckpoint(control, checkpoint);
    if (mine?.lastSeq !== fold.lastSeq)
      throw new CheckpointMovedError(`somebody else moved the checkpoint "${checkpoint}": begin anew`);
    if (mine.lastSeq !== live.lastSeq || foreign) {
      if (!whole) throw new CheckpointMovedError('what is rebuilt is ahead of what stays: begin anew');
      await moveLive(control, checkpoint);
      // What was live stands where it stood.
      if (!foreign)
        await control.query('UPDATE spark.checkpoints SET last_seq = $2 WHERE name = $1', [
          checkpoint,
          live.lastSeq,
        ]);
    }
    for (const [slot, tables] of bySlot(slots)) {
      const flipped = tables.filter((table) => names.includes(table));
      if (flipped.length > 0) await flip(control, flipped, slot);
    }
    if (foreign) await forgetIdleTables(control, [...slots.keys()]);
    else
      await noteIdleTables(
        control,
        [...slots.keys()].map((table) => ({ table, checkpoint, build, role: rolesAfter(table) })),
      );
    return mine.lastSeq;
  });
}

/** The live projector goes on from where the new version is, in whatever log that is. */
async function moveLive(control: pg.ClientBase, checkpoint: string): Promise<void> {
  await control.query(
    `UPDATE spark.checkpoints live SET last_seq = mine.last_seq, last_ts = mine.last_ts, stream_created = mine.stream_created
     FROM spark.checkpoints mine WHERE live.name = $1 AND mine.name = $2`,
    [LOG_CHECKPOINT, checkpoint],
  );
}
