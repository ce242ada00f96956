import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from 'nats';
import { STREAMS } from './topology.js';

const TIMEOUT_MS = 1_000;

/**
 * Proves that the servers can still store: a server says "healthy" with a full disk (reliability.md). The canary's own
 * stream, on disk and with as many copies as the others, keeps the last one. In a cluster each stream has a leader of its own, and only
 * a leader answers: those of the commands and of the log are asked too. Resolves with the canary's sequence; throws what failed.
 */
export async function canary(nc: NatsConnection): Promise<number> {
  const manager = await jetstreamManager(nc, { checkAPI: false, timeout: TIMEOUT_MS });
  const [ack] = await Promise.all([
    jetstream(nc).publish('spark.canary', new Uint8Array(), { timeout: TIMEOUT_MS }),
    ...[STREAMS.commands, STREAMS.log].map((stream) =>
      ledBySomebody(stream, () => manager.streams.info(stream)),
    ),
  ]);
  return ack.seq;
}

async function ledBySomebody(stream: string, ask: () => Promise<unknown>): Promise<void> {
  try {
    await ask();
  } catch (cause) {
    throw new Error(`${stream} does not answer: its cluster may be electing a leader`, { cause });
  }
}
