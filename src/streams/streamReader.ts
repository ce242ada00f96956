import { type ConsumerMessages, DeliverPolicy, type JetStreamClient } from '@nats-io/jetstream';
import { systemClock } from '../core/clock.js';
import { untilAnswered } from './publish.js';
import { HEARTBEAT_MS, onSilence } from './silence.js';

/** A message of any stream, read in order. */
export interface StreamMessage {
  readonly streamSeq: number;
  readonly tsMs: number;
  readonly subject: string;
  readonly headers: Iterable<[string, string[]]> | undefined;
  readonly data: Uint8Array;
}

/** How long one pull lasts. */
const PULL_EXPIRES_MS = 5_000;
/**
 * How much one pull may bring, in at most 100 messages. Counted in messages alone it would be without bounds: a thousand of 113 KB were more
 * than nats-server keeps for a connection (64 MiB), which it then cuts as too slow.
 */
const PULL_BYTES = 16 * 1_024 * 1_024;
/**
 * Every message of a stream after `afterSeq`, in order, once each, for ever: an ordered consumer re-makes itself after gaps, and a new
 * one is made when its server is gone (silence.ts). The reader pulls: what it has not asked for stays on the server. Throws when it cannot begin, and the
 * server's verdicts.
 */
export async function* readStream(
  js: JetStreamClient,
  stream: string,
  afterSeq: number,
  signal: AbortSignal,
): AsyncIterable<StreamMessage> {
  if (signal.aborted) return;
  let after = afterSeq;
  let reader = await openReader(js, stream, after);
  for (;;) {
    for await (const message of reader.messages(signal)) {
      after = message.streamSeq;
      yield message;
    }
    if (signal.aborted || !reader.wentSilent()) return;
    try {
      reader = await untilAnswered(systemClock, signal, () => openReader(js, stream, after));
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
  }
}

interface Reader {
  messages(signal: AbortSignal): AsyncIterable<StreamMessage>;
  wentSilent(): boolean;
}

async function openReader(js: JetStreamClient, stream: string, afterSeq: number): Promise<Reader> {
  const consumer = await js.consumers.get(stream, {
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: afterSeq + 1,
  });
  const pulled = await consumer.consume({
    max_bytes: PULL_BYTES,
    expires: PULL_EXPIRES_MS,
    idle_heartbeat: HEARTBEAT_MS,
  });
  let silent = false;
  const unwatch = onSilence(pulled, () => {
    silent = true;
    pulled.stop();
  });
  // A consumer on a server that is gone answers nothing: nobody waits for that.
  const discard = async () => {
    unwatch();
    await pulled.close();
    const deleted = consumer.delete().catch(() => undefined);
    if (!silent) await deleted;
  };
  return {
    messages: (signal) => read(pulled, signal, discard),
    wentSilent: () => silent,
  };
}

async function* read(
  pulled: ConsumerMessages,
  signal: AbortSignal,
  discard: () => Promise<void>,
): AsyncIterable<StreamMessage> {
  const stop = () => pulled.stop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    // Aborted while it was made. It is iterated all the same: the client carries its stop out only for who asks for the next message, and
    // closing one that nobody has ever asked waits for ever.
    if (signal.aborted) stop();
    for await (const message of pulled) {
      if (signal.aborted) return;
      yield {
        streamSeq: message.seq,
        tsMs: message.info.timestampNanos / 1e6,
        subject: message.subject,
        headers: message.headers,
        data: message.data,
      };
    }
  } finally {
    signal.removeEventListener('abort', stop);
    await discard();
  }
}
