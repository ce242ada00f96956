import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from 'nats';
import type { Clock } from '../core/clock.js';
import type { DeadLetter, DeadLetterSource } from '../projections/ports.js';
import type { DeadLetterInput, DeadLetters } from '../workers/ports.js';
import { clientsOf } from './clients.js';
import { publishUntilAcked } from './publish.js';
import { readStream } from './streamReader.js';
import { SUBJECTS } from './subjects.js';
import { STREAMS } from './topology.js';

/** A dead letter keeps the whole body up to here: more than any command may have. */
const MAX_BODY_BYTES = 256 * 1024;
const MAX_HEADERS = 50;
const MAX_HEADER_CHARS = 512;
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const strict = new TextDecoder('utf-8', { fatal: true });

export function createDeadLetters(nc: NatsConnection, clock: Clock, signal: AbortSignal): DeadLetters {
  const { js } = clientsOf(nc);
  return {
    append: async (input) => {
      const msgID = `dlq-${input.position.seq}-${input.position.index}`;
      await publishUntilAcked(
        js,
        clock,
        SUBJECTS.deadLetters,
        encoder.encode(JSON.stringify(letterOf(input))),
        { msgID },
        signal,
      );
    },
  };
}

function letterOf(input: DeadLetterInput): DeadLetter {
  const kept = input.original.data.subarray(0, MAX_BODY_BYTES);
  return {
    reason: input.reason,
    attempts: input.attempts,
    lastError: input.lastError,
    originalSubject: input.original.subject,
    headers: shortened(input.original.headers),
    ...bodyOf(kept),
    bodyTruncated: kept.byteLength < input.original.data.byteLength,
    commandId: input.commandId,
    sessionId: input.sessionId,
    editor: input.editor,
    stream: placeOf(input.position),
  };
}

/** One letter a place, for good: the stream's own memory of message ids ends with its duplicate window. */
function placeOf({ seq, index, stream: mark }: DeadLetterInput['position']): DeadLetter['stream'] {
  return { seq, index, ...(mark === undefined ? {} : { mark }) };
}

/** A letter must fit any server, whatever a publisher put into its headers: the first of them, each cut short. */
function shortened(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers)
      .slice(0, MAX_HEADERS)
      .map(([name, value]) => [name.slice(0, MAX_HEADER_CHARS), value.slice(0, MAX_HEADER_CHARS)]),
  );
}

function bodyOf(data: Uint8Array): Pick<DeadLetter, 'body' | 'bodyEncoding'> {
  try {
    const text = strict.decode(data);
    // Postgres and JSON viewers cannot hold NUL in text.
    // Text that JSON would blow up (control characters take six bytes each) is shorter as base64, and fits a small server.
    if (!text.includes('\0') && JSON.stringify(text).length < 1.3 * text.length + 2)
      return { body: text, bodyEncoding: 'utf8' };
  } catch {
    // Not UTF-8: kept as base64.
  }
  return { body: Buffer.from(data).toString('base64'), bodyEncoding: 'base64' };
}

export async function createDeadLetterSource(nc: NatsConnection): Promise<DeadLetterSource> {
  const js = jetstream(nc);
  const manager = await jetstreamManager(nc);
  return {
    created: async () => (await manager.streams.info(STREAMS.deadLetters)).created,
    read: async function* (afterStreamSeq, signal) {
      for await (const message of readStream(js, STREAMS.deadLetters, afterStreamSeq, signal)) {
        const letter = readLetter(message.data);
        if (!letter) continue;
        yield {
          streamSeq: message.streamSeq,
          tsMs: message.tsMs,
          letter,
        };
      }
    },
  };
}

/** Undefined for what is no letter: the server may have been made to put its acknowledgement here (docs/adr/0014). */
function readLetter(data: Uint8Array): DeadLetter | undefined {
  try {
    const letter = JSON.parse(decoder.decode(data)) as Partial<DeadLetter> | null;
    const ours =
      typeof letter?.reason === 'string' &&
      typeof letter.originalSubject === 'string' &&
      typeof letter.body === 'string' &&
      typeof letter.stream?.seq === 'number';
    return ours ? (letter as DeadLetter) : undefined;
  } catch {
    return undefined;
  }
}
