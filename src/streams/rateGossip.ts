import type { NatsConnection } from 'nats';
import { every } from '../core/clock.js';
import type { Service } from '../core/service.js';
import type { RateLimit } from '../resilience/rateLimit.js';
import { SUBJECTS } from './subjects.js';

/** What one process lets through is known to the others after about this long. */
export const RATE_GOSSIP_MS = 50;
export const RATE_SUBJECT = `${SUBJECTS.internal}.rate`;
/** Buckets a message: far below the largest message of any server. */
const MAX_ENTRIES = 2_000;

/** Tells the other processes, over core NATS, what this one has let through. Lossy on purpose: no request ever waits for it. */
export function createRateGossip(nc: NatsConnection, limit: RateLimit, processId: string): Service {
  let stopTimer: (() => void) | undefined;
  let subscription: { unsubscribe(): void } | undefined;
  return {
    name: 'rate-gossip',
    start: async () => {
      subscription ??= nc.subscribe(RATE_SUBJECT, {
        callback: (error, message) => {
          if (!error) hear(limit, processId, message.string());
        },
      });
      stopTimer ??= every(
        RATE_GOSSIP_MS,
        () => {
          const spent = limit.spent();
          if (nc.isClosed()) return;
          for (let at = 0; at < spent.length; at += MAX_ENTRIES)
            nc.publish(
              RATE_SUBJECT,
              JSON.stringify({ from: processId, spent: spent.slice(at, at + MAX_ENTRIES) }),
            );
        },
        // A publish fails only on a connection that is gone: the limits are this process's own then.
        () => undefined,
      );
    },
    stop: async () => {
      stopTimer?.();
      subscription?.unsubscribe();
      stopTimer = undefined;
      subscription = undefined;
    },
  };
}

function hear(limit: RateLimit, processId: string, text: string): void {
  try {
    const { from, spent } = JSON.parse(text) as { from?: unknown; spent?: unknown };
    if (from !== processId && Array.isArray(spent)) limit.spentElsewhere(spent.filter(isEntry));
  } catch {
    // Not of ours: only processes of SPARK may publish here, but of whatever version.
  }
}

const isEntry = (entry: unknown): entry is readonly [string, number] =>
  Array.isArray(entry) && typeof entry[0] === 'string' && typeof entry[1] === 'number';
