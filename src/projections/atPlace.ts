import type pg from 'pg';
import { type Clock, pause } from '../core/clock.js';
import { HEARTBEAT_MS, tryTakePlace, withProjectorConnection } from './projectorConnection.js';

/** How often one that waits asks for the place. */
const PLACE_POLL_MS = 500;

/** Tells what a projection does: it waits while another process has its place. */
export type TellState = (state: 'waiting' | 'working') => void;

/** Resolves true when the place of a projection is this connection's, false when the signal aborted before. */
export async function waitForPlace(
  client: pg.ClientBase,
  clock: Clock,
  checkpoint: string,
  tell: TellState,
  signal: AbortSignal,
): Promise<boolean> {
  while (!(await tryTakePlace(client, checkpoint))) {
    tell('waiting');
    await pause(clock, PLACE_POLL_MS, signal);
    if (signal.aborted) return false;
  }
  return true;
}

/**
 * Runs `work`, which has connections of its own, while this process has the place of a projection. A place whose connection is lost
 * ends the work; what it writes in that moment is kept safe by its checkpoint.
 */
export async function atPlace(
  { pool, clock, checkpoint, tell }: { pool: pg.Pool; clock: Clock; checkpoint: string; tell: TellState },
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  await withProjectorConnection(pool, clock, signal, async (client) => {
    if (!(await waitForPlace(client, clock, checkpoint, tell, signal))) return;
    const over = new AbortController();
    const stop = (): void => over.abort();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) over.abort();
    const working = work(over.signal);
    const beating = beat(client, clock, over.signal);
    try {
      await Promise.race([working, beating.then(() => working)]);
    } finally {
      over.abort();
      signal.removeEventListener('abort', stop);
      await Promise.allSettled([working, beating]);
    }
  });
}

/** A silent connection would be taken for a dead one. Throws when it is lost. */
async function beat(client: pg.ClientBase, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await pause(clock, HEARTBEAT_MS, signal);
    if (!signal.aborted) await client.query('SELECT 1');
  }
}
