import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import type { NatsConnection } from 'nats';
import { type Clock, pause } from '../core/clock.js';
import type { CancelRequest, Cancels } from '../workers/ports.js';
import { newestOf } from './newest.js';
import { untilAnswered } from './publish.js';
import { readStream } from './streamReader.js';
import { CANCELS_BUCKET, STREAMS } from './topology.js';

const RETRY_MS = 200;
const LOAD_POLL_MS = 20;
const PUT_TIMEOUT_MS = 5_000;

/**
 * Wishes to cancel, in a JetStream key-value bucket by command id, kept for as long as an idempotency key holds: so a wish outlives the
 * worker that was to hear it.
 */
export function watchCancels(nc: NatsConnection, clock: Clock): Cancels {
  return {
    watch: async (onCancel, signal) => {
      const manager = await jetstreamManager(nc);
      const state = await untilAnswered(
        clock,
        signal,
        async () => (await manager.streams.info(STREAMS.cancels)).state,
      );
      // Deleted and expired ones leave no trace at the end: what is there is what must be told.
      const progress = { seen: 0, ended: false };
      void follow(nc, clock, onCancel, progress, signal);
      const newest = async () =>
        (await newestOf(manager, STREAMS.cancels, `$KV.${CANCELS_BUCKET}.>`))?.seq ?? 0;
      if (state.messages === 0) return;
      const upTo = await untilAnswered(clock, signal, newest);
      while (progress.seen < upTo && !signal.aborted) await pause(clock, LOAD_POLL_MS, signal);
    },
  };
}

async function follow(
  nc: NatsConnection,
  clock: Clock,
  onCancel: (request: CancelRequest) => void,
  progress: { seen: number },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      for await (const message of readStream(jetstream(nc), STREAMS.cancels, progress.seen, signal)) {
        const request = requestOf(message.data);
        if (request) onCancel(request);
        progress.seen = Math.max(progress.seen, message.streamSeq);
      }
    } catch {
      // The server is away: goes on from where it was.
    }
    await pause(clock, RETRY_MS, signal);
  }
}

/** Undefined for what an operator has put or deleted by hand and is no wish. */
function requestOf(data: Uint8Array): CancelRequest | undefined {
  try {
    const value = JSON.parse(Buffer.from(data).toString()) as Partial<CancelRequest>;
    const { commandId, actor, at, reason = null } = value;
    return commandId && actor && at ? { commandId, actor, at, reason } : undefined;
  } catch {
    return undefined;
  }
}

/** Stores wishes; each resolves once it is durable, and rejects when the stream does not answer in time. */
export async function createCancelSink(
  nc: NatsConnection,
): Promise<{ cancel(request: CancelRequest): Promise<void> }> {
  const bucket = await new Kvm(nc).open(CANCELS_BUCKET, { allow_direct: true, timeout: PUT_TIMEOUT_MS });
  return {
    cancel: async (request) => {
      await bucket.put(request.commandId, JSON.stringify(request));
    },
  };
}
