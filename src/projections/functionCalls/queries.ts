import { avg, count, gte } from 'drizzle-orm';
import type pg from 'pg';
import { orm } from '../../postgres/orm.js';
import { sparkFunctionCalls as calls } from './table.js';

export interface CallSummary {
  readonly name: string;
  readonly status: 'success' | 'error';
  readonly count: number;
  readonly averageMs: number | null;
}

/** Calls since a moment by name and status. */
export async function callSummary(pool: pg.Pool, since: Date): Promise<CallSummary[]> {
  const rows = await orm(pool)
    .select({ name: calls.name, status: calls.status, count: count(), averageMs: avg(calls.durationMs) })
    .from(calls)
    .where(gte(calls.ts, since))
    .groupBy(calls.name, calls.status)
    .orderBy(calls.name, calls.status);
  return rows.map((row) => ({ ...row, averageMs: row.averageMs === null ? null : Number(row.averageMs) }));
}
