import { within } from '../core/within.js';
import type { Metrics } from '../observability/metrics.js';
import { LOG_CHECKPOINT, readCheckpoint } from '../projections/checkpoint.js';
import { readAfter } from '../projections/logPosition.js';
import type { LogProjectionOptions } from '../projections/projectorOptions.js';

/** Both gauges of one scrape share the answer. */
const SHARED_MS = 500;
/** A scrape waits no longer for the log, nor for Postgres. */
const ANSWER_MS = 1_000;

/** Where the log ends: its newest message and when that was stored, epoch ms. */
export interface LogEnd {
  readonly streamSeq: number;
  readonly tsMs: number;
}

export interface Lag {
  readonly messages: number;
  readonly seconds: number;
}

/**
 * How far behind read models are. The age is that of an end of the log seen earlier and still not reached, so it grows for as long as
 * nothing is projected, however much is written meanwhile; between two looks it may be younger than the truth by their distance.
 */
export class ProjectionLag {
  #unreached: LogEnd | undefined;

  /** `doneSeq`: the last stream sequence that is projected, 0 before the first. */
  look(doneSeq: number, end: LogEnd, nowMs: number): Lag {
    const messages = Math.max(0, end.streamSeq - doneSeq);
    if (this.#unreached && doneSeq >= this.#unreached.streamSeq) this.#unreached = undefined;
    if (messages > 0) this.#unreached ??= end;
    const seconds = this.#unreached ? Math.max(0, (nowMs - this.#unreached.tsMs) / 1_000) : 0;
    return { messages, seconds };
  }
}

/** Sets the lag of the log's projection, measured between the log and what is committed. */
export function observeProjectionLag(
  metrics: Metrics,
  { pool, logEnd, clock }: Pick<LogProjectionOptions, 'pool' | 'clock'> & { logEnd: () => Promise<LogEnd> },
): void {
  const lag = new ProjectionLag();
  let asked: { atMs: number; answer: Promise<Lag> } | undefined;
  let doneSeq: number | undefined;
  const look = async (): Promise<Lag> => {
    // The end first: what is projected between the two questions must not look like less than nothing.
    const end = await within(clock, ANSWER_MS, logEnd());
    try {
      const checkpoint = await within(clock, ANSWER_MS, readCheckpoint(pool, LOG_CHECKPOINT));
      doneSeq = readAfter(checkpoint?.lastSeq ?? 0);
    } catch (error) {
      // A primary that does not answer takes no batch either: the lag grows from where it was.
      if (doneSeq === undefined) throw error;
    }
    return lag.look(doneSeq, end, clock.nowMs());
  };
  const ask = (): Promise<Lag> => {
    const nowMs = clock.monotonicMs();
    if (!asked || nowMs - asked.atMs > SHARED_MS) asked = { atMs: nowMs, answer: look() };
    return asked.answer;
  };
  const labels = { projection: 'log' };
  metrics.collect('spark_projection_lag_events', async () => [{ labels, value: (await ask()).messages }]);
  metrics.collect('spark_projection_lag_seconds', async () => [{ labels, value: (await ask()).seconds }]);
}
