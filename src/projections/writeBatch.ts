import type pg from 'pg';
import { CopyBuffer } from '../postgres/copyBuffer.js';
import { copyInto } from '../postgres/copyInto.js';
import { inTransaction } from '../postgres/transaction.js';
import { ACT_COLUMNS, encodeActRow } from './audit/acts.js';
import { CREATE_BUILD_JOB_STAGE, encodeBuildJobChange, writeBuildJobs } from './buildJobs/write.js';
import { advanceCheckpoint } from './checkpoint.js';
import { writeReconciled } from './commands/reconciled.js';
import { CREATE_COMMAND_STAGE, writeCommands } from './commands/write.js';
import { type ProjectorDeadLetter, writeProjectorDeadLetters } from './deadLetters/write.js';
import { editorRows } from './editors/fold.js';
import { writeEditors } from './editors/write.js';
import { SlotsMovedError } from './errors.js';
import { EVENT_COLUMNS } from './events/rows.js';
import type { FoldedBatch } from './foldBatch.js';
import { countedCalls } from './functionCalls/counted.js';
import { CALL_COLUMNS, encodeCallRow } from './functionCalls/rows.js';
import { SCRIPT_COLUMNS } from './generatedScripts/rows.js';
import { CREATE_OPERATION_STAGE, writeOperations } from './operations/write.js';
import { PREVIEW_COLUMNS } from './previews/rows.js';
import type { TableName } from './readModels.js';
import { writeRollups } from './rollups/write.js';
import { sessionRows } from './sessions/fold.js';
import { writeSessions } from './sessions/write.js';
import type { Tables } from './slots/tables.js';
import { writeUsage } from './usage/write.js';

/** What one connection needs before the first batch. */
export const CREATE_STAGES = [CREATE_COMMAND_STAGE, CREATE_OPERATION_STAGE, CREATE_BUILD_JOB_STAGE];

export interface BatchStep {
  readonly checkpoint: string;
  readonly streamCreated: string;
  readonly fromSeq: number;
  readonly toSeq: number;
  /** Publish time of the newest message. */
  readonly tsMs: number;
}

/**
 * One batch, one transaction: the checkpoint, the log tables, the state tables. Throws `CheckpointMovedError` for a lost race, and
 * `SlotsMovedError` when read models were flipped after `tables` had been read: read them again, and write the same batch there.
 */
export async function writeBatch(
  client: pg.ClientBase,
  tables: Tables,
  step: BatchStep,
  batch: FoldedBatch,
  deadLetters: readonly ProjectorDeadLetter[],
): Promise<void> {
  await inTransaction(client, () => applyBatch(client, tables, step, batch, deadLetters));
}

/** The same in the caller's transaction. Writes the tables there are, and passes over the others. */
export async function applyBatch(
  client: pg.ClientBase,
  tables: Tables,
  step: BatchStep,
  batch: FoldedBatch,
  deadLetters: readonly ProjectorDeadLetter[],
): Promise<void> {
  const slotsVersion = await advanceCheckpoint(client, { ...step, name: step.checkpoint });
  if (tables.version !== null && tables.version !== slotsVersion)
    throw new SlotsMovedError('read models were flipped: their rows go to the other slot from now on');
  await writeProjectorDeadLetters(client, tables, deadLetters);
  const copy = (table: TableName, columns: readonly string[], rows: CopyBuffer): Promise<void> =>
    tables.has(table) ? copyInto(client, tables.of(table), columns, rows) : Promise.resolve();
  await copy('spark_events', EVENT_COLUMNS, batch.events);
  await copy('spark_generated_scripts', SCRIPT_COLUMNS, batch.scripts);
  await copy('spark_previews', PREVIEW_COLUMNS, batch.previews);
  const { moves, untouched } = await writeCommands(client, tables, batch.commands, batch.commandChanges);
  const calls = await countedCalls(client, tables, batch, untouched);
  await copy('spark_function_calls', CALL_COLUMNS, encodeRows(calls.rows, encodeCallRow));
  const acts = batch.acts.filter((act) => act.action !== 'cancel' || !untouched.has(act.commandId));
  await copy('audit_acts', ACT_COLUMNS, encodeRows(acts, encodeActRow));
  await writeUsage(client, tables, batch.usage);
  await writeReconciled(client, tables, batch.reconciled);
  const builds = batch.buildJobs.filter(({ jobId }) => !untouched.has(jobId));
  await writeBuildJobs(client, tables, encodeRows(builds, encodeBuildJobChange));
  await writeOperations(client, tables, batch.operations, batch.operationChanges);
  await writeSessions(client, tables, sessionRows(batch.sessions, moves));
  await writeEditors(client, tables, editorRows(batch.editors, moves));
  await writeRollups(client, tables, { events: batch.eventTallies, calls: calls.tallies, moves });
}

function encodeRows<T>(rows: readonly T[], encode: (out: CopyBuffer, row: T) => void): CopyBuffer {
  const out = new CopyBuffer();
  for (const row of rows) encode(out, row);
  return out;
}
