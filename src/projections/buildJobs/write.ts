import type pg from 'pg';
import type { CopyBuffer } from '../../postgres/copyBuffer.js';
import { copyInto } from '../../postgres/copyInto.js';
import { LAYOUT_SCHEMA } from '../slots/slot.js';
import { slotStatement } from '../slots/statement.js';
import type { Tables } from '../slots/tables.js';
import type { BuildJobChange } from './fold.js';

const COLUMNS = [
  'job_id',
  'seq',
  'session_id',
  'editor',
  'target',
  'output_path',
  'state',
  'started_at',
  'finished_at',
  'total_bytes',
  'warnings',
  'error_code',
] as const;

const STAGE = 'stage_build_jobs';
/** A plain copy of the columns: an end without its beginning has no path. */
export const CREATE_BUILD_JOB_STAGE = `CREATE TEMPORARY TABLE ${STAGE} ON COMMIT DELETE ROWS
  AS SELECT ${COLUMNS.join(', ')} FROM ${LAYOUT_SCHEMA}.spark_build_jobs WITH NO DATA`;

const insertMade = slotStatement(
  'insert-build-jobs',
  ['spark_build_jobs'],
  (tables) => `
  INSERT INTO ${tables.of('spark_build_jobs')} (${COLUMNS.join(', ')})
  SELECT ${COLUMNS.join(', ')} FROM ${STAGE} WHERE output_path IS NOT NULL ORDER BY job_id
  ON CONFLICT (job_id) DO NOTHING`,
);

/** Also for a second beginning, whose row was left as it is: the first end counts. */
const endKnown = slotStatement(
  'end-build-jobs',
  ['spark_build_jobs'],
  (tables) => `
  UPDATE ${tables.of('spark_build_jobs')} j
  SET state = s.state, finished_at = s.finished_at, total_bytes = s.total_bytes, warnings = s.warnings, error_code = s.error_code
  FROM ${STAGE} s
  WHERE j.job_id = s.job_id AND j.state = 'started' AND s.state <> 'started'`,
);

export function encodeBuildJobChange(out: CopyBuffer, { jobId, made, end }: BuildJobChange): void {
  out.row(COLUMNS.length);
  out.uuid(jobId);
  if (made === null) for (let i = 0; i < 5; i++) out.null();
  else {
    out.int8(made.seq);
    out.text(made.sessionId);
    out.text(made.editor);
    out.text(made.target);
    out.text(made.outputPath);
  }
  out.text(end?.state ?? 'started');
  out.timestamptz(made?.startedAtMs ?? null);
  out.timestamptz(end?.finishedAtMs ?? null);
  if (end?.totalBytes == null) out.null();
  else out.int8(end.totalBytes);
  out.int4(end?.warnings ?? null);
  out.text(end?.errorCode ?? null);
}

/** Inserts the batch's new builds and ends known ones. */
export async function writeBuildJobs(
  client: pg.ClientBase,
  tables: Tables,
  staged: CopyBuffer,
): Promise<void> {
  if (staged.rows === 0 || !tables.has('spark_build_jobs')) return;
  await copyInto(client, STAGE, COLUMNS, staged);
  await client.query(insertMade(tables));
  await client.query(endKnown(tables));
}
