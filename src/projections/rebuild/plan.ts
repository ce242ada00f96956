import { UnknownReadModelError } from './errors.js';

/** What the plan needs of the registry: a table, and the tables its fold looks things up in. */
export interface PlannedModel {
  readonly table: string;
  readonly needs: readonly string[];
}

export interface RebuildPlan {
  /** Tables that readers shall see the new version of. */
  readonly flip: readonly string[];
  /** Tables to fold, in the registry's order: those of `flip` and what their folds need. */
  readonly build: readonly string[];
  /** Every read model: afterwards nothing is left of what was before, so the log itself may be another one. */
  readonly whole: boolean;
}

/** Names that are views over other tables, or many at once. */
const ALIASES: Readonly<Record<string, (table: string) => boolean>> = {
  all: () => true,
  rollups: (table) => table.startsWith('rollup_'),
  spark_commands: (table) => table === 'command_states',
  spark_dead_letters: (table) => table === 'projector_dead_letters',
  spark_queue_depth: (table) => table === 'rollup_lanes_minute' || table === 'spark_editors',
  spark_audit: (table) => table === 'command_states',
};

/** The one table that depends on all others: whether an event is refused is found out by writing it everywhere. */
const DEAD_LETTERS = 'projector_dead_letters';

/** Pure: what to fold and what to flip for these names; none stands for all. Throws `UnknownReadModelError`. */
export function planRebuild(models: readonly PlannedModel[], names: readonly string[]): RebuildPlan {
  const tables = models.map(({ table }) => table);
  const wanted = new Set((names.length === 0 ? ['all'] : names).flatMap((name) => tablesOf(name, tables)));
  const flip = tables.filter((table) => wanted.has(table));
  const built = closureOf(models, wanted);
  const build = tables.filter((table) => built.has(table));
  return { flip, build, whole: flip.length === tables.length };
}

/** Pure: the tables and everything their folds need, directly or not. */
export function closureOf(models: readonly PlannedModel[], tables: Iterable<string>): ReadonlySet<string> {
  const needs = new Map(
    models.map(({ table, needs: own }) => [
      table,
      table === DEAD_LETTERS ? models.map((model) => model.table) : own,
    ]),
  );
  const closure = new Set<string>();
  const open = [...tables];
  for (let table = open.pop(); table !== undefined; table = open.pop()) {
    if (closure.has(table)) continue;
    closure.add(table);
    open.push(...(needs.get(table) ?? []));
  }
  return closure;
}

function tablesOf(name: string, tables: readonly string[]): readonly string[] {
  const exact = tables.filter((table) => table === name);
  if (exact.length > 0) return exact;
  // Own keys alone: a name comes from the command line.
  const alias = Object.hasOwn(ALIASES, name) ? ALIASES[name] : undefined;
  const meant = alias === undefined ? [] : tables.filter(alias);
  if (meant.length === 0) throw new UnknownReadModelError(name, [...Object.keys(ALIASES), ...tables]);
  return meant;
}
