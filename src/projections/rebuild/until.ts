import { BadUntilError } from './errors.js';

/** How far a time travel goes: both ends belong to it. */
export type Until =
  | { readonly kind: 'time'; readonly tsMs: number }
  | { readonly kind: 'seq'; readonly seq: number };

/** A time with its zone: without one nobody knows which moment is meant. */
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.(\d{1,9}))?)?(?:Z|[+-]\d{2}:\d{2})$/;

/** Pure: `2026-11-21T12:00:00Z` or a `spark_events.seq`. Throws `BadUntilError`. */
export function parseUntil(text: string): Until {
  if (/^\d{1,16}$/.test(text)) {
    const seq = Number(text);
    if (Number.isSafeInteger(seq) && seq > 0) return { kind: 'seq', seq };
  }
  const time = TIME.exec(text);
  const wholeMs = time === null ? Number.NaN : Date.parse(text);
  // A Date ends at the millisecond, a row's time does not.
  const micros = Number((time?.[1] ?? '').padEnd(6, '0').slice(3, 6));
  if (!Number.isNaN(wholeMs)) return { kind: 'time', tsMs: (wholeMs * 1_000 + micros) / 1_000 };
  throw new BadUntilError(
    `"${text}" is neither a time with its zone (2026-11-21T12:00:00Z) nor a sequence (spark_events.seq, above 0)`,
    { fields: { until: text } },
  );
}

/** Pure: the schema that shows the read models as they were then, when no other name was asked for. */
export function schemaNameOf(until: Until): string {
  if (until.kind === 'seq') return `spark_until_${until.seq}`;
  const text = new Date(until.tsMs).toISOString().replace('.000', '');
  return `spark_until_${text.toLowerCase().replaceAll(/[^0-9a-z]/g, '')}`;
}
