import type pg from 'pg';
import { CopyBuffer } from '../postgres/copyBuffer.js';
import { copyInto } from '../postgres/copyInto.js';
import { inTransaction } from '../postgres/transaction.js';
import { CREATE_BUILD_JOB_STAGE, writeBuildJobs } from './buildJobs/write.js';
import { advanceCheckpoint } from './checkpoint.js';
import { writeReconciled } from './commands/reconciled.js';
import { CREATE_COMMAND_STAGE, startedAmong, writeCommands } from './commands/write.js';
import { type ProjectorDeadLetter, writeProjectorDeadLetters } from './deadLetters/write.js';
import { EVENT_COLUMNS } from './events/rows.js';
import type { FoldedBatch } from './foldBatch.js';
import { CALL_COLUMNS, encodeCallRow } from './functionCalls/rows.js';
import { SCRIPT_COLUMNS } from './generatedScripts/rows.js';
import { CREATE_OPERATION_STAGE, writeOperations } from './operations/write.js';
import { PREVIEW_COLUMNS } from './previews/rows.js';
import { sessionRows } from './sessions/fold.js';
import { writeSessions } from './sessions/write.js';
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

/** One batch, one transaction: the checkpoint, the log tables, the state tables. Throws `CheckpointMovedError` for a lost race. */
export async function writeBatch(
  client: pg.ClientBase,
  step: BatchStep,
  batch: FoldedBatch,
  deadLetters: readonly ProjectorDeadLetter[],
): Promise<void> {
  await inTransaction(client, async () => {
    await advanceCheckpoint(client, { ...step, name: step.checkpoint });
    await writeProjectorDeadLetters(client, deadLetters);
    await copyInto(client, 'spark.spark_events', EVENT_COLUMNS, batch.events);
    await copyInto(client, 'spark.spark_generated_scripts', SCRIPT_COLUMNS, batch.scripts);
    await copyInto(client, 'spark.spark_previews', PREVIEW_COLUMNS, batch.previews);
    const { moves, untouched } = await writeCommands(client, batch.commands);
    await writeCalls(client, batch, untouched);
    await writeUsage(client, batch.usage);
    await writeReconciled(client, batch.reconciled);
    await writeBuildJobs(client, batch.buildJobs);
    await writeOperations(client, batch.operations);
    await writeSessions(client, sessionRows(batch.sessions, moves));
  });
}

/** After the commands: one call a command, by the event that ended it, if it had started. */
async function writeCalls(
  client: pg.ClientBase,
  batch: FoldedBatch,
  untouched: ReadonlySet<string>,
): Promise<void> {
  const started = await startedAmong(
    client,
    batch.uncertainCalls.map((row) => row.commandId),
  );
  const calls = new CopyBuffer();
  for (const row of batch.calls) if (!untouched.has(row.commandId)) encodeCallRow(calls, row);
  for (const row of batch.uncertainCalls)
    if (!untouched.has(row.commandId) && started.has(row.commandId)) encodeCallRow(calls, row);
  await copyInto(client, 'spark.spark_function_calls', CALL_COLUMNS, calls);
}
