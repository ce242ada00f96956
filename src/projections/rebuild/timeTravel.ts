import type pg from 'pg';
import { codeOf } from '../../core/errors.js';
import { streamSeqOf } from '../../events/event.js';
import { LOG_CHECKPOINT, readCheckpoint, resetCheckpoint } from '../checkpoint.js';
import { withProjectorConnection } from '../projectorConnection.js';
import { READ_MODELS, type TableName } from '../readModels.js';
import { readTables } from '../slots/readTables.js';
import { Tables } from '../slots/tables.js';
import { lostEvents } from './begin.js';
import { SchemaTakenError } from './errors.js';
import { findSeq } from './findSeq.js';
import { openHistory, readLogState } from './history.js';
import { IdleFold } from './idleFold.js';
import { Meter } from './meter.js';
import type { RebuildOptions } from './options.js';
import { inRebuildPlace } from './place.js';
import { planRebuild } from './plan.js';
import { schemaNameOf, type Until } from './until.js';

export interface TimeTravelOptions extends RebuildOptions {
  readonly until: Until;
  /** `spark_until_…` unless told. */
  readonly schema?: string;
}

export interface TimeTravelResult {
  readonly schema: string;
  /** The last place of the log that is in it, `spark_events.seq`; 0: nothing had happened. */
  readonly untilSeq: number;
  readonly events: number;
  readonly tables: readonly string[];
  readonly durationMs: number;
}

/** The image bytes under a sha-256 are the same at any time: they are not copied. */
const TIMELESS = 'spark_images';
const SCHEMA_NAME = /^[a-z][a-z0-9_]{0,62}$/;

/**
 * Folds the log up to a moment into a schema of its own, which the dashboard role may read: the read models as they were then, with the same
 * fold, retention's cuts of that time included. Readers of the live ones notice nothing. Cut off half way, the next one begins anew.
 * @throws SchemaTakenError, UnknownReadModelError, RebuildRunningError, HistoryGoneError, and the signal's reason
 */
export async function timeTravel(options: TimeTravelOptions): Promise<TimeTravelResult> {
  const { pool, clock, signal, logSource, until } = options;
  const schema = options.schema ?? schemaNameOf(until);
  if (!SCHEMA_NAME.test(schema))
    throw new SchemaTakenError(
      `"${schema}" is no name for a schema: lower-case letters, digits and _ only, a letter first`,
    );
  const { build } = planRebuild(READ_MODELS, options.names ?? []);
  const models = build.filter((table) => table !== TIMELESS) as TableName[];
  return inRebuildPlace(pool, clock, signal, async (control) => {
    const beganMs = clock.monotonicMs();
    const log = await readLogState(logSource, await readCheckpoint(control, LOG_CHECKPOINT));
    const live = await readTables(control);
    const entries = await openHistory(pool, logSource, log, live, options.acceptLoss === true);
    const untilSeq = await findSeq(until, logSource, log, entries, signal);
    await makeSchema(control, schema, untilText(until), models);
    const checkpoint = `log:${schema}`;
    await resetCheckpoint(control, checkpoint, log.created);
    const lost = await lostEvents(control, live, models);
    const place = {
      tables: Tables.inSchema(schema, models),
      checkpoint,
      streamCreated: log.created,
      lastSeq: 0,
    };
    const events = await withProjectorConnection(pool, clock, signal, (client) =>
      foldUntil(options, untilSeq, { client, ...place, entries, lost }),
    );
    await control.query('UPDATE spark.scratch_schemas SET complete = true WHERE schema_name = $1', [schema]);
    await control.query('DELETE FROM spark.checkpoints WHERE name = $1', [checkpoint]);
    return { schema, untilSeq, events, tables: models, durationMs: clock.monotonicMs() - beganMs };
  });
}

/** Answers how many events were folded. */
async function foldUntil(
  options: TimeTravelOptions,
  untilSeq: number,
  place: Omit<ConstructorParameters<typeof IdleFold>[0], 'projection'>,
): Promise<number> {
  const { clock, onProgress, signal } = options;
  const meter = new Meter(clock.monotonicMs(), 0, streamSeqOf(untilSeq));
  let events = 0;
  onProgress?.(meter.now());
  const fold = new IdleFold({
    ...place,
    projection: {
      ...options,
      onBatch: (stats) => {
        events += stats.events;
        meter.add(clock.monotonicMs(), streamSeqOf(stats.lastSeq), stats.events);
        onProgress?.(meter.now());
      },
    },
  });
  await fold.to(untilSeq, signal);
  return events;
}

async function makeSchema(
  control: pg.ClientBase,
  schema: string,
  until: string,
  models: readonly string[],
): Promise<void> {
  const { rows } = await control.query<{ complete: boolean }>(
    'SELECT complete FROM spark.scratch_schemas WHERE schema_name = $1',
    [schema],
  );
  if (rows[0]?.complete === true)
    throw new SchemaTakenError(
      `the schema ${schema} is there already: \`spark rebuild --drop-schema ${schema}\` takes it away, --schema names another`,
    );
  if (rows.length > 0) await control.query('SELECT spark.drop_scratch_schema($1)', [schema]);
  try {
    await control.query('SELECT spark.make_scratch_schema($1, $2, $3::text[])', [schema, until, models]);
  } catch (cause) {
    // 42P06: there is one of that name; 3F000: the function will not have that name.
    const code = codeOf(cause);
    if (code !== '42P06' && code !== '3F000') throw cause;
    throw new SchemaTakenError(`the schema ${schema} is not for this: --schema names another`, { cause });
  }
}

function untilText(until: Until): string {
  return until.kind === 'seq' ? String(until.seq) : new Date(until.tsMs).toISOString();
}

/** Takes a schema away that a time travel has made. Throws `SchemaTakenError` for any other. */
export async function dropTimeTravel(pool: pg.Pool, schema: string): Promise<void> {
  const { rows } = await pool.query<{ dropped: boolean }>('SELECT spark.drop_scratch_schema($1) AS dropped', [
    schema,
  ]);
  if (rows[0]?.dropped === true) return;
  const made = await pool.query<{ schema_name: string }>(
    'SELECT schema_name FROM spark.scratch_schemas ORDER BY 1',
  );
  const names = made.rows.map((row) => row.schema_name);
  throw new SchemaTakenError(
    `${schema} is no schema that --until has made${names.length > 0 ? `; there are: ${names.join(', ')}` : ''}`,
    { fields: { names } },
  );
}
