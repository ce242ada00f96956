import pg from 'pg';
import type { BenchPostgres } from './servers.js';

const NAMES = [
  'shared_buffers',
  'max_wal_size',
  'checkpoint_timeout',
  'wal_compression',
  'fsync',
  'full_page_writes',
];

/** What the figures depend on, for each line that is printed. */
export async function settingsOf(postgres: BenchPostgres): Promise<Record<string, string>> {
  const client = new pg.Client(postgres.adminUrl);
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string; value: string }>(
      'SELECT name, current_setting(name) AS value FROM unnest($1::text[]) AS name',
      [NAMES],
    );
    return {
      node: process.version,
      standby: 'attached',
      synchronous_commit: 'off (projector)',
      ...Object.fromEntries(rows.map(({ name, value }) => [name, value])),
    };
  } finally {
    await client.end();
  }
}

/** One JSON line a result. */
export function printer(settings: Record<string, string>): (line: object) => void {
  return (line) => console.log(JSON.stringify({ ...line, settings }));
}

export const perSecond = (count: number, ms: number): number => Math.round(count / (ms / 1_000));

/** The middle one of an odd number of figures. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}
