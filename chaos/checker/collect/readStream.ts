import { setTimeout as delay } from 'node:timers/promises';
import { type JetStreamManager, jetstream, jetstreamManager, type StreamInfo } from '@nats-io/jetstream';
import { connect, type NatsConnection } from 'nats';
import type { NatsAccess } from '../../ports.js';
import type { LogEvent, LogMessage, TelemetryEvidence } from '../evidence.js';

const LOG = 'SPARK_LOG';
const TELEMETRY = 'SPARK_TELEMETRY';
const decoder = new TextDecoder();
const PATIENCE_MS = 60_000;

/** A connection that may read every stream. */
export function connectReader({ urls, user, password, inboxPrefix }: NatsAccess): Promise<NatsConnection> {
  return connect({ servers: [...urls], user, pass: password, inboxPrefix, timeout: 5_000 });
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
  nc: NatsConnection,
): Promise<{ readonly log: LogMessage[]; readonly lastSeq: number }> {
  const { messages, lastSeq } = await readAll(nc, LOG);
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
export async function readTelemetry(nc: NatsConnection): Promise<TelemetryEvidence> {
  const { messages, firstSeq, lastSeq } = await readAll(nc, TELEMETRY);
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
  const stored = await consumer.consume();
  for await (const { seq, subject, data, timestampNanos } of withNanos(stored)) {
    messages.push({ seq, subject, data: data.slice(), tsMs: timestampNanos / 1e6 });
    if (seq >= lastSeq) break;
  }
  return { messages, firstSeq, lastSeq };
}

/** A stream with one copy, whose server has just come back, answers a moment later than the others. */
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

interface Delivered {
  readonly seq: number;
  readonly subject: string;
  readonly data: Uint8Array;
  readonly timestampNanos: number;
}

async function* withNanos(
  messages: AsyncIterable<{
    seq: number;
    subject: string;
    data: Uint8Array;
    info: { timestampNanos: number };
  }>,
): AsyncGenerator<Delivered> {
  for await (const { seq, subject, data, info } of messages)
    yield { seq, subject, data, timestampNanos: info.timestampNanos };
}
