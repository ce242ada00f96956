import type pg from 'pg';
import { type Clock, pause } from '../core/clock.js';
import { LOG_CHECKPOINT, readCheckpoint } from './checkpoint.js';

/** The replica is asked this often while somebody waits, however many they are. */
const POLL_MS = 5;
/** One that has not answered is asked this often. */
const RETRY_MS = 100;

interface Waiter {
  readonly seq: number;
  readonly reached: () => void;
}

export interface SeqWaiter {
  /**
   * Resolves true once rows read from this pool contain the log up to `seq`; false after the timeout, when the signal aborts or when
   * the server does not answer: then it is the caller's choice to read from the primary or to answer with what there is.
   */
  waitForSeq(seq: number, timeoutMs: number, signal?: AbortSignal): Promise<boolean>;
}

/** Read your writes on a replica: the checkpoint, read there, tells that projection and replication have both passed an event. */
export function createSeqWaiter(pool: pg.Pool, clock: Clock): SeqWaiter {
  const waiters = new Set<Waiter>();
  let polling = false;

  const poll = async (): Promise<void> => {
    polling = true;
    while (waiters.size > 0) {
      // Nothing is remembered: a rebuild puts the checkpoint back.
      const found = await readCheckpoint(pool, LOG_CHECKPOINT).catch(() => false as const);
      const answers = found !== false;
      const lastSeq = found === false ? 0 : (found?.lastSeq ?? 0);
      for (const waiter of waiters) if (waiter.seq <= lastSeq) waiter.reached();
      if (waiters.size > 0) await pause(clock, answers ? POLL_MS : RETRY_MS);
    }
    polling = false;
  };
  return {
    async waitForSeq(seq, timeoutMs, signal) {
      const over = new AbortController();
      const onAbort = (): void => over.abort();
      signal?.addEventListener('abort', onAbort, { once: true });
      if (signal?.aborted) over.abort();
      let reached = false;
      const waiter = {
        seq,
        reached: () => {
          reached = true;
          waiters.delete(waiter);
          over.abort();
        },
      };
      waiters.add(waiter);
      if (!polling) void poll();
      await pause(clock, timeoutMs, over.signal);
      signal?.removeEventListener('abort', onAbort);
      waiters.delete(waiter);
      return reached;
    },
  };
}
