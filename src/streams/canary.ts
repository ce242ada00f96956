import { jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from 'nats';

/**
 * Proves that the server can still store: it says "healthy" with a full disk (reliability.md). The canary's own
 * stream, on disk like the others, keeps the last one. Resolves with the sequence; throws what the publish threw.
 */
export async function canary(nc: NatsConnection): Promise<number> {
  const ack = await jetstream(nc).publish('spark.canary', new Uint8Array(), { timeout: 1_000 });
  return ack.seq;
}
