import type pg from 'pg';
import { LOG_CHECKPOINT, readCheckpoint } from '../checkpoint.js';
import { withProjectorConnection } from '../projectorConnection.js';
import { READ_MODELS, type TableName } from '../readModels.js';
import { readTables } from '../slots/readTables.js';
import { Tables } from '../slots/tables.js';
import { idleSlotsOf, lostEvents, type RebuildJob } from './begin.js';
import { NothingToRollBackError } from './errors.js';
import { openHistory, readLogState } from './history.js';
import { type IdleTable, numberOf, readIdleTables } from './idleTables.js';
import type { RebuildOptions, RebuildResult } from './options.js';
import { inRebuildPlace } from './place.js';
import { closureOf, planRebuild } from './plan.js';
import { IdleRun } from './run.js';
import { settle } from './settle.js';
import { switchOver } from './switchOver.js';

/**
 * Lets readers see again what they saw before the last rebuild, after folding into it what has happened since. What they see until then is
 * kept in turn: rolled back once more, it is live again. Without names: everything there is something to go back to.
 * @throws NothingToRollBackError, UnknownReadModelError, RebuildRunningError, HistoryGoneError, and the signal's reason
 */
export async function rollBack(options: RebuildOptions): Promise<RebuildResult> {
  const { pool, clock, signal } = options;
  return inRebuildPlace(pool, clock, signal, async (control) => {
    const idle = await readIdleTables(control);
    const wanted = wantedOf(idle, options.names ?? []);
    const results: RebuildResult[] = [];
    for (const checkpoint of new Set(wanted.map((table) => table.checkpoint)))
      results.push(
        await rollBackGroup(control, options, {
          flip: wanted.filter((table) => table.checkpoint === checkpoint).map(({ table }) => table),
          group: idle.filter((table) => table.checkpoint === checkpoint),
        }),
      );
    const result = sum(results);
    options.onFlipped?.();
    await settle(control, options, result.flipped);
    return result;
  });
}

/** Pure: tables with an earlier version that can be gone on with: all that their folds look up stands at the same place. */
function available(idle: readonly IdleTable[]): readonly IdleTable[] {
  return idle.filter(({ table, role, checkpoint }) => {
    const group = new Set<string>(
      idle.filter((each) => each.checkpoint === checkpoint).map((each) => each.table),
    );
    return role === 'previous' && [...closureOf(READ_MODELS, [table])].every((needed) => group.has(needed));
  });
}

/** Pure: what is meant by the names, all of it with something to go back to; without names what the last rebuild flipped. */
function wantedOf(idle: readonly IdleTable[], names: readonly string[]): readonly IdleTable[] {
  const previous = available(idle);
  if (names.length === 0 || names.includes('all')) {
    const newest = Math.max(...previous.map(({ checkpoint }) => numberOf(checkpoint)));
    if (previous.length > 0) return previous.filter(({ checkpoint }) => numberOf(checkpoint) === newest);
  }
  const tables: readonly string[] = planRebuild(READ_MODELS, names).flip;
  const missing = tables.filter((name) => !previous.some(({ table }) => table === name));
  if (missing.length === 0) return previous.filter(({ table }) => tables.includes(table));
  const there = previous.map(({ table }) => table).join(', ');
  throw new NothingToRollBackError(
    `there is nothing to go back to for ${missing.join(', ')}: never rebuilt, or a later rebuild has used the place since` +
      (there === '' ? '' : `. There is for ${there}`),
    { fields: { missing } },
  );
}

interface Group {
  readonly flip: readonly TableName[];
  /** Everything that stands at the same place: it goes on together. */
  readonly group: readonly IdleTable[];
}

async function rollBackGroup(
  control: pg.ClientBase,
  options: RebuildOptions,
  { flip, group }: Group,
): Promise<RebuildResult> {
  const { pool, clock, signal, logSource } = options;
  const built = group.map(({ table }) => table);
  const [checkpoint = '', build = ''] = [group[0]?.checkpoint, group[0]?.build];
  const at = await readCheckpoint(control, checkpoint);
  const log = await readLogState(logSource, await readCheckpoint(control, LOG_CHECKPOINT));
  if (log.foreign || at?.streamCreated !== log.created)
    throw new NothingToRollBackError('what was shown before is of another log: it cannot be gone on with');
  const live = await readTables(control);
  const slots = idleSlotsOf(live, built);
  const job: RebuildJob = {
    plan: { flip, build: built, whole: flip.length === READ_MODELS.length },
    ...{ checkpoint, slots, log, lastSeq: at.lastSeq, resumed: false },
    lost: await lostEvents(control, live, built),
    tables: Tables.inSlots(slots),
    entries: await openHistory(pool, logSource, log, live, options.acceptLoss === true),
  };
  const beganMs = clock.monotonicMs();
  return withProjectorConnection(pool, clock, signal, async (client) => {
    const run = new IdleRun(control, client, options, job);
    const rolesAfter = (table: TableName) => group.find((each) => each.table === table)?.role ?? 'helper';
    const over = { job, build, fold: run.fold, flip, whole: job.plan.whole, rolesAfter };
    const untilSeq = await run.awake(async () => {
      await run.catchUp();
      return switchOver(control, over, signal);
    });
    return {
      ...run.counts,
      flipped: flip,
      untilSeq,
      resumed: false,
      durationMs: clock.monotonicMs() - beganMs,
    };
  });
}

function sum(results: readonly RebuildResult[]): RebuildResult {
  const total = (of: (result: RebuildResult) => number) =>
    results.reduce((all, result) => all + of(result), 0);
  return {
    flipped: results.flatMap(({ flipped }) => flipped),
    events: total(({ events }) => events),
    poisoned: total(({ poisoned }) => poisoned),
    imagesMissing: total(({ imagesMissing }) => imagesMissing),
    untilSeq: Math.max(...results.map(({ untilSeq }) => untilSeq)),
    resumed: false,
    durationMs: total(({ durationMs }) => durationMs),
  };
}
