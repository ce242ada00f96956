import type pg from 'pg';
import type { Clock } from '../../core/clock.js';
import { type Queryable, transaction } from '../../postgres/transaction.js';
import { advanceCheckpoint, openCheckpoint } from '../checkpoint.js';
import { FlushPace } from '../flushPace.js';
import { Intake } from '../intake.js';

const INTAKE_LIMITS = { flushWeight: 200, maxWeight: 400, maxBytes: 16 * 1_024 * 1_024 };

interface Item {
  readonly streamSeq: number;
  readonly tsMs: number;
}

/** A small stream copied into tables of its own, with a checkpoint of its own. */
export interface StreamProjection<T extends Item> {
  readonly pool: pg.Pool;
  readonly clock: Clock;
  readonly source: {
    created(): Promise<string>;
    read(afterStreamSeq: number, signal: AbortSignal): AsyncIterable<T>;
  };
  readonly checkpoint: string;
  /** What to do when the stream is not the one the tables were made from. */
  readonly cure: string;
  readonly bytesOf: (item: T) => number;
  /** Inside the transaction that moves the checkpoint. */
  readonly write: (db: Queryable, items: readonly T[]) => Promise<void>;
  readonly onBatch?: ((stats: { readonly items: number; readonly lastSeq: number }) => void) | undefined;
}

/** Copies until the signal aborts; whatever goes wrong is thrown, and the next call goes on from the checkpoint. */
export async function projectStream<T extends Item>(
  projection: StreamProjection<T>,
  signal: AbortSignal,
  onWorking: () => void,
): Promise<void> {
  const { pool, source, clock, checkpoint: name } = projection;
  const streamCreated = await source.created();
  let { lastSeq } = await openCheckpoint(pool, name, streamCreated, projection.cure);
  onWorking();
  const reading = new AbortController();
  const onAbort = (): void => reading.abort();
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) reading.abort();
  const intake = new Intake<T>(
    INTAKE_LIMITS,
    (item) => ({ weight: 1, bytes: projection.bytesOf(item) }),
    clock,
  );
  const pumping = intake.pump(source.read(lastSeq, reading.signal), reading.signal);
  const pace = new FlushPace(clock);
  try {
    for (;;) {
      const items = await intake.take(pace, signal);
      const last = items?.at(-1);
      if (items === undefined || last === undefined) return;
      const step = { name, streamCreated, fromSeq: lastSeq, toSeq: last.streamSeq, tsMs: last.tsMs };
      await transaction(pool, async (client) => {
        await advanceCheckpoint(client, step);
        await projection.write(client, items);
      });
      lastSeq = last.streamSeq;
      projection.onBatch?.({ items: items.length, lastSeq });
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    reading.abort();
    await pumping;
  }
}
