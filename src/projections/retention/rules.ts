import type { TableName } from '../readModels.js';
import type { Tables } from '../slots/tables.js';

/** Details go after SPARK_RETENTION_DAYS or for want of room, rollups after SPARK_ROLLUP_RETENTION_DAYS. */
export type RetentionTerm = 'detail' | 'rollup';

/**
 * Which rows of a read model may go, and in what order. SQL texts: `row` is the alias of the row asked about, `$1` the moment before which
 * rows may go. What a rule says may depend on rows of the same slot alone, and a row that may go now may go at any later moment too,
 * unless it was touched again: that is what lets a rebuild cut at the same place and come to the same rows.
 */
export interface RowRule {
  /** Stands in `retention_cuts.rule`: never to be given to another meaning. */
  readonly name: string;
  readonly table: TableName;
  readonly term: RetentionTerm;
  /** A column that says how old the row is. */
  readonly age: string;
  /** A column with an index (or a primary key) along which age grows, so that old rows are found without reading the young. */
  readonly order: string;
  /** What else must hold. */
  readonly also?: string;
  /** Relations that `also` asks, joined to the row. */
  readonly join?: (tables: Tables) => string;
}

/** At least so many last operations of a session stay, whatever their age (units count as one: they share their seq). */
export const KEPT_OPERATIONS = 50;

/** Where the 50th newest begins, for each session that has old ones; a session with fewer has no row here, and so loses none. */
const keptOperations = (tables: Tables): string => `(
  SELECT old.session_id, kept.seq FROM (SELECT DISTINCT session_id FROM ${tables.of('spark_operations')} WHERE ts < $1) old,
  LATERAL (SELECT DISTINCT seq FROM ${tables.of('spark_operations')} own WHERE own.session_id = old.session_id
    ORDER BY seq DESC OFFSET ${KEPT_OPERATIONS - 1} LIMIT 1) kept)`;

const rollup = (table: TableName, age: string): RowRule => ({
  name: table,
  table,
  term: 'rollup',
  age,
  order: age,
});

/** Nothing that is still open goes: no command without an end, no running build. Images and partitions have rules of their own. */
export const ROW_RULES: readonly RowRule[] = [
  {
    name: 'command_states',
    table: 'command_states',
    term: 'detail',
    age: 'accepted_at',
    order: 'accepted_at',
    also: `row.state <> 'started' AND row.finished_at < $1`,
  },
  {
    // the event that repeats the envelope was gone from the log
    name: 'command_states_without_envelope',
    table: 'command_states',
    term: 'detail',
    age: 'finished_at',
    order: 'accepted_at',
    also: `row.accepted_at IS NULL AND row.state <> 'started'`,
  },
  {
    name: 'spark_generated_scripts',
    table: 'spark_generated_scripts',
    term: 'detail',
    age: 'ts',
    order: 'seq',
  },
  { name: 'spark_previews', table: 'spark_previews', term: 'detail', age: 'ts', order: 'seq' },
  {
    name: 'spark_build_jobs',
    table: 'spark_build_jobs',
    term: 'detail',
    age: 'started_at',
    order: 'started_at',
    also: `row.state <> 'started' AND row.finished_at < $1`,
  },
  {
    name: 'spark_operations',
    table: 'spark_operations',
    term: 'detail',
    age: 'ts',
    order: 'seq',
    also: 'row.session_id = kept.session_id AND row.seq < kept.seq',
    join: (tables) => `${keptOperations(tables)} kept`,
  },
  {
    name: 'spark_sessions',
    table: 'spark_sessions',
    term: 'detail',
    age: 'last_seen',
    order: 'last_seen',
    also: 'row.started = 0',
  },
  { name: 'projector_dead_letters', table: 'projector_dead_letters', term: 'detail', age: 'ts', order: 'ts' },
  rollup('rollup_calls_minute', 'minute'),
  rollup('rollup_latency_minute', 'minute'),
  rollup('rollup_latency_5min', 'slice'),
  rollup('rollup_previews_minute', 'minute'),
  rollup('rollup_sessions_5min', 'slice'),
  rollup('rollup_usage_hour', 'hour'),
  rollup('rollup_usage_session', 'last_hour'),
  rollup('rollup_usage_session_hour', 'hour'),
  rollup('rollup_lanes_minute', 'minute'),
  rollup('rollup_lanes_hour', 'hour'),
  rollup('rollup_operations_minute', 'minute'),
  // who did what is asked for longer than how it went
  rollup('audit_acts', 'ts'),
];

export const ruleByName: ReadonlyMap<string, RowRule> = new Map(ROW_RULES.map((rule) => [rule.name, rule]));

/** The newest moment of the rows that the next cut takes, at most `$2` of them; null when there are none. */
export function findSlice(rule: RowRule, tables: Tables): string {
  return `SELECT (max(age) + interval '1 microsecond')::text AS slice_end FROM (
    SELECT row.${rule.age} AS age FROM ${tables.of(rule.table)} row${rule.join ? `, ${rule.join(tables)}` : ''}
    WHERE row.${rule.age} < $1${rule.also ? ` AND ${rule.also}` : ''} ORDER BY row.${rule.order} LIMIT $2) slice`;
}

/** Deletes what may go before `$1` and is older than `$2`. */
export function deleteSlice(rule: RowRule, tables: Tables): string {
  return `DELETE FROM ${tables.of(rule.table)} row${rule.join ? ` USING ${rule.join(tables)}` : ''}
    WHERE row.${rule.age} < $2 AND row.${rule.age} < $1${rule.also ? ` AND ${rule.also}` : ''}`;
}
