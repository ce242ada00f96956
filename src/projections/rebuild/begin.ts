import type pg from 'pg';
import { seqOf } from '../../events/event.js';
import { inTransaction } from '../../postgres/transaction.js';
import { LOG_CHECKPOINT, openCheckpoint, readCheckpoint, resetCheckpoint } from '../checkpoint.js';
import { READ_MODELS, type TableName } from '../readModels.js';
import { cutsFrom } from '../retention/cuts.js';
import { readTables } from '../slots/readTables.js';
import { otherSlot, type Slot, schemaOfSlot } from '../slots/slot.js';
import { Tables } from '../slots/tables.js';
import { emptyTables, indexTables } from './emptyTables.js';
import type { EntrySource } from './entriesUpTo.js';
import { OnlyAllError } from './errors.js';
import { type LogState, openHistory, readLogState } from './history.js';
import {
  forgetIdleTables,
  newCheckpointName,
  noteIdleTables,
  readIdleTables,
  resumable,
} from './idleTables.js';
import type { RebuildOptions } from './options.js';
import { planRebuild, type RebuildPlan } from './plan.js';

/** A new version under way: what is built where, and how far it is. */
export interface RebuildJob {
  readonly plan: RebuildPlan;
  readonly checkpoint: string;
  /** The idle slot of each table that is built. */
  readonly slots: ReadonlyMap<TableName, Slot>;
  readonly tables: Tables;
  readonly log: LogState;
  readonly lastSeq: number;
  readonly resumed: boolean;
  readonly entries: EntrySource;
  readonly lost: ReadonlySet<number>;
  /** Whose images are taken over; undefined: every image is fetched from its store again. */
  readonly imagesIn?: Tables | undefined;
}

/** Above this many places where retention cut, finding old rows without an index would cost more than keeping the index. */
const CUTS_WITHOUT_INDEX = 50;

/**
 * Makes everything ready to fold: goes on with what an interrupted rebuild of the same tables, log and build left, or empties the idle slot.
 * Killed on the way, the next one empties it again.
 * @throws UnknownReadModelError, OnlyAllError, HistoryGoneError
 */
export async function beginRebuild(
  control: pg.ClientBase,
  options: RebuildOptions,
  keepIndexes = false,
): Promise<RebuildJob> {
  const { logSource, pool, build = '' } = options;
  const plan = planRebuild(READ_MODELS, options.names ?? []);
  const log = await readLogState(logSource, await readCheckpoint(control, LOG_CHECKPOINT));
  if (log.foreign && !plan.whole)
    throw new OnlyAllError(
      'the read models are of another log, or hold what this one has lost: they can only be made anew together (`spark rebuild all`)',
    );
  // The flip needs its row.
  if (!log.foreign)
    await openCheckpoint(control, LOG_CHECKPOINT, log.created, 'rebuild: `spark rebuild all`.');
  const live = await readTables(control);
  const entries = await openHistory(pool, logSource, log, live, options.acceptLoss === true);
  const slots = idleSlotsOf(live, plan.build as readonly TableName[]);
  // Content-addressed rows are what they were. Who names the images wants them from their source.
  const imagesIn = options.names?.includes('spark_images') ? undefined : live;
  const base = { plan, slots, tables: Tables.inSlots(slots), log, entries, imagesIn };
  const lost = await lostEvents(control, live, plan.build);
  const found = options.anew ? undefined : await interrupted(control, plan, log, build);
  if (found) return { ...base, ...found, lost, resumed: true };
  const checkpoint = await emptyFor(control, options, { plan, slots, log, live, keepIndexes });
  return { ...base, lost, checkpoint, lastSeq: 0, resumed: false };
}

/** Pure: for each table the slot that readers do not see. */
export function idleSlotsOf(live: Tables, tables: readonly TableName[]): Map<TableName, Slot> {
  return new Map(
    tables.map((table) => [
      table,
      otherSlot(live.schemaOf(table) === schemaOfSlot('blue') ? 'blue' : 'green'),
    ]),
  );
}

async function interrupted(
  control: pg.ClientBase,
  plan: RebuildPlan,
  log: LogState,
  build: string,
): Promise<{ checkpoint: string; lastSeq: number } | undefined> {
  const checkpoint = resumable(await readIdleTables(control), plan.build, build);
  const at = checkpoint === undefined ? undefined : await readCheckpoint(control, checkpoint);
  if (checkpoint === undefined || at?.streamCreated !== log.created) return undefined;
  return at.lastSeq > seqOf(log.lastStreamSeq + 1, 0) ? undefined : { checkpoint, lastSeq: at.lastSeq };
}

interface Emptying {
  readonly plan: RebuildPlan;
  readonly slots: ReadonlyMap<TableName, Slot>;
  readonly log: LogState;
  readonly live: Tables;
  readonly keepIndexes: boolean;
}

/** Answers the name of the new checkpoint. */
async function emptyFor(
  control: pg.ClientBase,
  { clock, signal, settleMs, build = '' }: RebuildOptions,
  { plan, slots, log, live, keepIndexes }: Emptying,
): Promise<string> {
  // Whatever lay there is gone from here on, for a rerun and for a rollback.
  await inTransaction(control, () => forgetIdleTables(control, plan.build));
  const cuts = await cutsFrom(control, log.created, 0);
  const indexed = keepIndexes || new Set(cuts.map(({ atSeq }) => atSeq)).size > CUTS_WITHOUT_INDEX;
  for (const [slot, tables] of bySlot(slots)) {
    await emptyTables(control, tables, slot, {
      clock,
      signal,
      ...(settleMs === undefined ? {} : { settleMs }),
    });
    if (indexed) await indexTables(control, tables, slot, signal);
  }
  const idle = await readIdleTables(control);
  const checkpoint = newCheckpointName(idle.map((each) => each.checkpoint));
  await inTransaction(control, async () => {
    await resetCheckpoint(control, checkpoint, log.created);
    if (!log.foreign && slots.has('projector_dead_letters')) await keepOldLetters(control, slots, live, log);
    await noteIdleTables(
      control,
      [...slots.keys()].map((table) => ({ table, checkpoint, build, role: 'building' as const })),
    );
  });
  return checkpoint;
}

/** Of what the stream no longer has, the letters are all there is. */
async function keepOldLetters(
  control: pg.ClientBase,
  slots: ReadonlyMap<TableName, Slot>,
  live: Tables,
  log: LogState,
): Promise<void> {
  const to = Tables.inSlots(slots).of('projector_dead_letters');
  await control.query(`INSERT INTO ${to} SELECT * FROM ${live.of('projector_dead_letters')} WHERE seq < $1`, [
    seqOf(log.firstStreamSeq, 0),
  ]);
}

/** Events that the other read models do not have either: only together with them could they be folded after all. */
export async function lostEvents(
  control: pg.ClientBase,
  live: Tables,
  built: readonly string[],
): Promise<ReadonlySet<number>> {
  if (built.includes('projector_dead_letters')) return new Set();
  const { rows } = await control.query<{ seq: string }>(
    `SELECT seq FROM ${live.of('projector_dead_letters')} WHERE reason = 'poison_event'`,
  );
  return new Set(rows.map(({ seq }) => Number(seq)));
}

/** Pure: which tables lie in which slot. */
export function bySlot(slots: ReadonlyMap<TableName, Slot>): Map<Slot, TableName[]> {
  const found = new Map<Slot, TableName[]>();
  for (const [table, slot] of slots) found.set(slot, [...(found.get(slot) ?? []), table]);
  return found;
}
