import type { DeadLetterActionRow, DeadLetterRow, ReadModels } from '../http/readPort.js';
import {
  actionsOfLetter,
  type DeadLetterActionView,
  type DeadLetterView,
  deadLetterById,
  listDeadLetters,
} from '../projections/deadLetters/queries.js';
import type { Read } from './readModels.js';

/** An event's place is no place in `SPARK_DLQ`: the two must not be taken for each other. */
const EVENT_PREFIX = 'event-';

/** The dead letters as HTTP reads them. */
export function deadLetterReads(read: Read): Pick<ReadModels, 'deadLetters' | 'deadLetter'> {
  return {
    deadLetters: ({ since, until, after, ...query }) =>
      read(async (pool) => {
        const rows = await listDeadLetters(pool, {
          ...query,
          since: since === undefined ? undefined : new Date(since),
          until: until === undefined ? undefined : new Date(until),
          after: after && { ts: new Date(after.ts), source: after.source, id: numberOf(after.id) },
        });
        return rows.map(rowOf);
      }),
    deadLetter: (id) =>
      read(async (pool) => {
        const source = id.startsWith(EVENT_PREFIX) ? 'projector' : 'stream';
        const number = numberOf(id);
        const letter = Number.isSafeInteger(number) ? await deadLetterById(pool, number, source) : undefined;
        if (!letter) return undefined;
        const actions = source === 'stream' ? await actionsOfLetter(pool, number) : [];
        return { letter: rowOf(letter), actions: actions.map(actionOf) };
      }),
  };
}

const numberOf = (id: string): number => Number(id.startsWith(EVENT_PREFIX) ? id.slice(6) : id);

function rowOf(row: DeadLetterView): DeadLetterRow {
  const { streamSeq, streamIndex, streamMark: _, ...rest } = row;
  return {
    ...rest,
    id: row.source === 'projector' ? `${EVENT_PREFIX}${row.id}` : String(row.id),
    ts: row.ts.toISOString(),
    stream: { seq: streamSeq, index: streamIndex },
    redrivenAt: row.redrivenAt?.toISOString() ?? null,
    droppedAt: row.droppedAt?.toISOString() ?? null,
  };
}

function actionOf({ seq: _, letterId: __, ts, ...rest }: DeadLetterActionView): DeadLetterActionRow {
  return { at: ts.toISOString(), ...rest };
}
