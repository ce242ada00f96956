import {
  type Command,
  type CommandMeta,
  type CommandPosition,
  type CommandRequest,
  commandIdOfRequest,
  payloadShaOf,
} from '../commands/envelope.js';
import { LIMITS } from '../commands/limits.js';
import { parseJsonBody } from '../commands/parseBody.js';
import type { Refusal } from '../commands/problems.js';
import { validatePayload } from '../commands/validate.js';
import { commandIdOfPosition, type EditorId, isToken, type SessionId, streamMarkOf } from '../core/ids.js';
import type { Inbound } from '../workers/ports.js';
import { type HeaderMap, metaFromHeaders } from './headers.js';
import { parseCommandSubject, SUBJECTS } from './subjects.js';

/** A stored message of the command stream, as this codec needs it. */
export interface StoredCommandMessage {
  readonly subject: string;
  readonly headers: HeaderMap;
  readonly data: Uint8Array;
  readonly seq: number;
  readonly partition: number;
  readonly storedAt: string;
  readonly streamCreated: string;
}

/** Envelopes are internal: many commands of one partition in one message, each item whole in itself. */
interface Envelope {
  readonly v: 1;
  readonly items: readonly CommandRequest[];
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function encodeEnvelope(requests: readonly CommandRequest[]): Uint8Array {
  const envelope: Envelope = { v: 1, items: requests };
  return encoder.encode(JSON.stringify(envelope));
}

/** Everything one stored message holds. Whatever was published, the answer has at least one item and nothing throws. */
export function decodeCommandMessage(message: StoredCommandMessage): Inbound[] {
  return message.subject.startsWith(`${SUBJECTS.envelopes}.`)
    ? decodeEnvelope(message)
    : [decodeSingle(message)];
}

function decodeSingle(message: StoredCommandMessage): Inbound {
  const position: CommandPosition = {
    stream: streamMarkOf(message.streamCreated),
    partition: message.partition,
    seq: message.seq,
    index: 0,
    count: 1,
  };
  const partitioned = message.subject.startsWith(`${SUBJECTS.partitioned}.`);
  const parsed = parseCommandSubject(message.subject, partitioned ? 3 : 2);
  const { meta, errors } = metaFromHeaders(message.headers);
  const bad = (refusal: Refusal): Inbound => ({
    kind: 'bad',
    refusal,
    commandId: commandIdOfPosition(message.streamCreated, message.seq, 0),
    position,
    acceptedAt: message.storedAt,
    sessionId: (parsed.ok ? parsed.address : parsed.readable).sessionId ?? null,
    editor: (parsed.ok ? parsed.address : parsed.readable).editor ?? null,
    type: (parsed.ok ? parsed.address : parsed.readable).type ?? null,
    meta,
  });
  if (!parsed.ok)
    return bad({
      code: 'malformed_subject',
      message: `the subject ${parsed.reason}`,
      errors: [{ pointer: '/subject', message: parsed.reason }],
    });
  if (errors[0])
    return bad({ code: 'malformed_header', message: `${errors[0].pointer}: ${errors[0].message}`, errors });
  if (message.data.byteLength > LIMITS.rawRequestBytes)
    return bad({
      code: 'payload_too_large',
      message: `the body is ${message.data.byteLength} bytes; at most ${LIMITS.rawRequestBytes} are allowed`,
      errors: [
        { pointer: '', message: 'the body is too large', limit: LIMITS.rawRequestBytes, unit: 'bytes' },
      ],
    });
  const body = parseJsonBody(message.data);
  if (!body.ok) return bad(body.refusal);
  const validated = validatePayload(parsed.address.type, body.value);
  if (!validated.ok) return bad(validated.refusal);
  return {
    kind: 'command',
    command: commandOf(
      {
        type: parsed.address.type,
        ...meta,
        sessionId: parsed.address.sessionId as SessionId,
        editor: parsed.address.editor as EditorId,
        payload: body.value,
      },
      position,
      message,
    ),
  };
}

function decodeEnvelope(message: StoredCommandMessage): Inbound[] {
  const items = itemsOf(message.data);
  if (!items) {
    const position = {
      stream: streamMarkOf(message.streamCreated),
      partition: message.partition,
      seq: message.seq,
      index: 0,
      count: 1,
    };
    return [
      badItem({}, position, message, {
        code: 'malformed_json',
        message: 'the envelope is not of the form {v, items}',
        errors: [],
      }),
    ];
  }
  const stream = streamMarkOf(message.streamCreated);
  return items.map((item, index) => {
    const position = {
      stream,
      partition: message.partition,
      seq: message.seq,
      index,
      count: items.length,
    };
    // Ingest has validated already; whoever else may publish envelopes is checked like a raw publish.
    if (!isToken(item.editor) || !isToken(item.sessionId))
      return badItem(item, position, message, {
        code: 'malformed_subject',
        message: 'editor or sessionId is no token',
        errors: [],
      });
    const validated = validatePayload(String(item.type), item.payload);
    if (!validated.ok) return badItem(item, position, message, validated.refusal);
    return { kind: 'command', command: commandOf(item, position, message) };
  });
}

function itemsOf(data: Uint8Array): CommandRequest[] | undefined {
  try {
    const envelope = JSON.parse(decoder.decode(data)) as Envelope;
    const usable = envelope.v === 1 && Array.isArray(envelope.items) && envelope.items.length > 0;
    return usable && envelope.items.every((item) => item !== null && typeof item === 'object')
      ? [...envelope.items]
      : undefined;
  } catch {
    return undefined;
  }
}

function badItem(
  item: Partial<CommandRequest>,
  position: CommandPosition,
  message: StoredCommandMessage,
  refusal: Refusal,
): Inbound {
  const meta: CommandMeta = {
    ...metaFromHeaders({}).meta,
    ...(typeof item.actor === 'string' ? { actor: item.actor } : {}),
  };
  return {
    kind: 'bad',
    refusal,
    commandId: commandIdOfPosition(message.streamCreated, message.seq, position.index),
    position,
    acceptedAt: message.storedAt,
    sessionId: isToken(item.sessionId) ? item.sessionId : null,
    editor: isToken(item.editor) ? item.editor : null,
    type: typeof item.type === 'string' ? item.type : null,
    meta,
  };
}

function commandOf(
  request: CommandRequest,
  position: CommandPosition,
  message: StoredCommandMessage,
): Command {
  return {
    commandId:
      commandIdOfRequest(request) ?? commandIdOfPosition(message.streamCreated, message.seq, position.index),
    ...request,
    payloadSha: payloadShaOf(request),
    acceptedAt: message.storedAt,
    position,
    via: message.subject.startsWith(`${SUBJECTS.envelopes}.`) ? 'ingest' : 'publish',
  };
}
