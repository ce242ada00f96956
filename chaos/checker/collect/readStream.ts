import { setTimeout as delay } from 'node:timers/promises';
import { type JetStreamManager, jetstream, jetstreamManager, type StreamInfo } from '@nats-io/jetstream';
import { connect, type NatsConnection } from 'nats';
import type { NatsAccess } from '../../ports.js';
import type { LogEvent, LogMessage, TelemetryEvidence } from '../evidence.js';

const LOG = 'SPARK_LOG';
const TELEMETRY = 'SPARK_TELEMETRY';
const decoder = new TextDecoder();
const PATIENCE_MS = 30_000;
/** So long without a message, and the rest is given up. */
const NEXT_WITHIN_MS = 30_000;
/** Far below what a server keeps for a connection before it cuts it. */
const PULL_BYTES = 16 * 1_024 * 1_024;

/** With a connection of its own, that may read every stream; closed afterwards, and also when the signal aborts. */
async function withReader<T>(
  { urls, user, password, inboxPrefix }: NatsAccess,
  signal: AbortSignal,
  work: (nc: NatsConnection) => Promise<T>,
): Promise<T> {
  const nc = await connect({ servers: [...urls], user, pass: password, inboxPrefix, timeout: 5_000 });
  const close = (): void => void nc.close();
  signal.addEventListener('abort', close, { once: true });
  try {
    return await work(nc);
  } finally {
    signal.removeEventListener('abort', close);
    await nc.close();
  }
}

interface Stored {
  readonly seq: number;
  readonly subject: string;
  readonly data: Uint8Array;
  /** Epoch ms. */
  readonly tsMs: number;
}

/** Every message of the log from its first to what it holds now, and the sequence it claims to have reached. */
export async function readLog(
  access: NatsAccess,
  signal: AbortSignal,
): Promise<{ readonly log: LogMessage[]; readonly lastSeq: number }> {
  const { messages, lastSeq } = await withReader(access, signal, (nc) => readAll(nc, LOG));
  return {
    lastSeq,
    log: messages.map(({ seq, subject, data, tsMs }) => ({
      streamSeq: seq,
      partition: Number(subject.slice(subject.lastIndexOf('.') + 1)),
      tsMs,
      events: eventsOf(data),
    })),
  };
}

/** What telemetry lies in its stream. */
export async function readTelemetry(access: NatsAccess, signal: AbortSignal): Promise<TelemetryEvidence> {
  const { messages, firstSeq, lastSeq } = await withReader(access, signal, (nc) => readAll(nc, TELEMETRY));
  return {
    firstSeq,
    lastSeq,
    kept: messages.length,
    commandIds: messages.map(
      ({ data }) => (JSON.parse(decoder.decode(data)) as { commandId: string }).commandId,
    ),
  };
}

function eventsOf(data: Uint8Array): readonly LogEvent[] | undefined {
  try {
    const body = JSON.parse(decoder.decode(data)) as { events?: unknown } | null;
    return Array.isArray(body?.events) ? (body.events as LogEvent[]) : undefined;
  } catch {
    return undefined;
  }
}

async function readAll(
  nc: NatsConnection,
  stream: string,
): Promise<{ readonly messages: Stored[]; readonly firstSeq: number; readonly lastSeq: number }> {
  const manager = await jetstreamManager(nc, { checkAPI: false });
  const { state } = await infoOf(manager, stream);
  const { first_seq: firstSeq, last_seq: lastSeq } = state;
  const messages: Stored[] = [];
  if (state.messages === 0) return { messages, firstSeq, lastSeq };
  const consumer = await jetstream(nc).consumers.get(stream);
  const stored = await consumer.consume({ max_bytes: PULL_BYTES });
  let late = false;
  const giveUp = (): void => {
    late = true;
    stored.stop();
  };
  let timer = setTimeout(giveUp, NEXT_WITHIN_MS);
  try {
    for await (const { seq, subject, data, info } of stored) {
      clearTimeout(timer);
      timer = setTimeout(giveUp, NEXT_WITHIN_MS);
      messages.push({ seq, subject, data: data.slice(), tsMs: info.timestampNanos / 1e6 });
      // The last one may have been dropped for its age meanwhile.
      if (seq >= lastSeq || info.pending === 0) return { messages, firstSeq, lastSeq };
    }
  } finally {
    clearTimeout(timer);
  }
  const upTo = `up to ${messages.at(-1)?.seq ?? 'none'} of ${lastSeq}`;
  throw new UnfinishedReadError(
    late
      ? `${messages.length} messages (${upTo}), and then none for ${NEXT_WITHIN_MS / 1_000} s`
      : `${messages.length} messages (${upTo}), and then the connection ended`,
  );
}

/** A stream that answers, and does not give what it says it holds. */
class UnfinishedReadError extends Error {
  readonly code = 'unfinished_read';
}

/** A stream with one copy, whose server has just come back, answers a moment later than the others. Throws what was said last. */
async function infoOf(manager: JetStreamManager, stream: string): Promise<StreamInfo> {
  const untilMs = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await manager.streams.info(stream);
    } catch (error) {
      if (performance.now() > untilMs) throw error;
      await delay(500);
    }
  }
}
