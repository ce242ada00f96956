import { Svcm } from '@nats-io/services';
import type { NatsConnection } from 'nats';
import type { CommandRequest } from '../commands/envelope.js';
import { LIMITS } from '../commands/limits.js';
import { parseJsonBody } from '../commands/parseBody.js';
import type { Refusal } from '../commands/problems.js';
import { validatePayload } from '../commands/validate.js';
import type { EditorId, SessionId } from '../core/ids.js';
import type { Submitter } from '../http/ports.js';
import { headerRecord, metaFromHeaders } from './headers.js';
import { parseCommandSubject } from './subjects.js';

/** What may be answered: ingest may publish more than who asks, so an answer goes to an inbox and nowhere else. */
const INBOX = /^_INBOX[._]/;

/**
 * `spark.submit.{editor}.{family}.{name}.{sessionId}`: like publishing the command, but answered with accept
 * `{accepted: true, commandId, duplicate, status}` or reject `{accepted: false, code, message, errors[]}`. Registered as a NATS micro service.
 */
export async function serveSubmit(
  nc: NatsConnection,
  submitter: Submitter,
  version: string,
): Promise<() => Promise<void>> {
  const service = await new Svcm(nc).add({
    name: 'spark-submit',
    version,
    description: 'Submit one SPARK command and get accept or reject',
  });
  service.addEndpoint('submit', {
    subject: 'spark.submit.>',
    handler: (error, message) => {
      if (error || !message.reply || !INBOX.test(message.reply)) return;
      void (async () => {
        const answer = await answerOf(
          message.subject,
          headerRecord(message.headers),
          message.data,
          submitter,
        );
        message.respond(JSON.stringify(answer));
      })();
    },
  });
  return async () => {
    await service.stop();
  };
}

async function answerOf(
  subject: string,
  headers: Record<string, string>,
  data: Uint8Array,
  submitter: Submitter,
): Promise<object> {
  const parsed = readRequest(subject, headers, data);
  if ('refusal' in parsed) return rejectOf(parsed.refusal);
  const [result] = await submitter.submit([parsed.request]);
  switch (result?.kind) {
    case 'accepted':
      return {
        accepted: true,
        commandId: result.commandId,
        duplicate: result.duplicate,
        status: result.status,
      };
    case 'refused':
      return rejectOf(result.refusal);
    case 'saturated':
      return {
        accepted: false,
        code: 'saturated',
        message: `the backlog is full (${result.reason})`,
        errors: [],
        retryAfterMs: result.retryAfterMs,
        queuePosition: result.queuePosition,
      };
    case 'rate_limited':
      return {
        accepted: false,
        code: 'rate_limited',
        message: `more than ${result.count} commands in ${result.windowSeconds} s: the limit "${result.limit}"`,
        errors: [],
        retryAfterMs: result.retryAfterMs,
      };
    default:
      return {
        accepted: false,
        code: 'unavailable',
        message: 'the command was not acknowledged; send it again with the same key',
        errors: [],
        retryAfterMs: 1_000,
      };
  }
}

const rejectOf = ({ code, message, errors }: Refusal): object => ({ accepted: false, code, message, errors });

function readRequest(
  subject: string,
  headers: Record<string, string>,
  data: Uint8Array,
): { request: CommandRequest } | { refusal: Refusal } {
  const address = parseCommandSubject(subject, 2);
  if (!address.ok)
    return {
      refusal: {
        code: 'malformed_subject',
        message: `the subject ${address.reason}`,
        errors: [{ pointer: '/subject', message: address.reason }],
      },
    };
  const { meta, errors } = metaFromHeaders(headers);
  if (errors[0])
    return {
      refusal: { code: 'malformed_header', message: `${errors[0].pointer}: ${errors[0].message}`, errors },
    };
  if (data.byteLength > LIMITS.rawRequestBytes)
    return {
      refusal: {
        code: 'payload_too_large',
        message: `the body is ${data.byteLength} bytes; at most ${LIMITS.rawRequestBytes} are allowed`,
        errors: [
          { pointer: '', message: 'the body is too large', limit: LIMITS.rawRequestBytes, unit: 'bytes' },
        ],
      },
    };
  const body = parseJsonBody(data);
  if (!body.ok) return { refusal: body.refusal };
  const { editor, type, sessionId } = address.address;
  const validated = validatePayload(type, body.value);
  if (!validated.ok) return { refusal: validated.refusal };
  return {
    request: {
      type,
      ...meta,
      sessionId: sessionId as SessionId,
      editor: editor as EditorId,
      payload: body.value,
    },
  };
}
