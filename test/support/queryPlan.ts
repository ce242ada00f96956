import type { Queryable } from '../../src/postgres/transaction.js';

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly Plans?: readonly PlanNode[];
}

export interface QueryPlan {
  /** Indexes that were looked into, each once, sorted. */
  readonly indexes: readonly string[];
  /** Tables read from end to end, each once, sorted. */
  readonly wholeTables: readonly string[];
  /** Rows that came out of all tables and indexes together. */
  readonly rowsRead: number;
  readonly executionMs: number;
}

/** Runs a query and tells how Postgres found its rows; what was planned and never run is left out. */
export async function queryPlan(db: Queryable, sql: string): Promise<QueryPlan> {
  const { rows } = await db.query<{ 'QUERY PLAN': [{ Plan: PlanNode; 'Execution Time': number }] }>(
    `EXPLAIN (ANALYZE, FORMAT JSON) ${sql}`,
  );
  const [explained] = rows[0]?.['QUERY PLAN'] ?? [];
  if (explained === undefined) throw new Error('EXPLAIN gave no plan');
  const nodes = flat(explained.Plan).filter((node) => node['Actual Loops'] > 0);
  const scans = nodes.filter((node) => node['Relation Name'] !== undefined);
  return {
    indexes: distinct(nodes.map((node) => node['Index Name'])),
    wholeTables: distinct(
      scans.filter((node) => node['Node Type'] === 'Seq Scan').map((node) => node['Relation Name']),
    ),
    rowsRead: scans.reduce((sum, node) => sum + node['Actual Rows'] * node['Actual Loops'], 0),
    executionMs: explained['Execution Time'],
  };
}

const flat = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(flat)];

const distinct = (names: readonly (string | undefined)[]): string[] =>
  [...new Set(names.filter((name) => name !== undefined))].sort();
