import type { ConsumerMessages } from '@nats-io/jetstream';
import { every } from '../core/clock.js';

/** Whoever pulls asks for a heartbeat this often while there is nothing to deliver. */
export const HEARTBEAT_MS = 1_000;
/**
 * A pull that brings neither message nor heartbeat for this long is dead. A pull waits at the one server that leads its consumer (an ordered
 * consumer lives on that server alone), and dies with it without a word; the client then asks for that consumer only, and waits as long
 * as a pull lasts before it asks again. Measured in a cluster whose leader was killed: readers stood still until it came back; after a
 * reconnect to a single server, for 5 to 43 s.
 */
const SILENCE_MS = 3_000;

/** Calls `silent` once when the client's own pull has brought nothing for `SILENCE_MS`. */
export function onSilence(pulled: ConsumerMessages, silent: () => void): () => void {
  let heartbeats = 0;
  void (async () => {
    for await (const { type } of pulled.status()) if (type === 'heartbeat') heartbeats++;
  })();
  return watchSilence(() => heartbeats + pulled.getReceived(), silent);
}

/** The same of anything that counts its signs of life; counted in ticks, so that a process that was frozen itself listens first. */
export function watchSilence(signs: () => number, silent: () => void): () => void {
  let heard = -1;
  let quietTicks = 0;
  const unwatch = every(
    HEARTBEAT_MS,
    () => {
      const now = signs();
      quietTicks = now === heard ? quietTicks + 1 : 0;
      heard = now;
      if (quietTicks < SILENCE_MS / HEARTBEAT_MS) return;
      unwatch();
      silent();
    },
    () => undefined,
  );
  return unwatch;
}
