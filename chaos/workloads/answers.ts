import type { AnswerEntry } from '../history.js';

/** How one send ended, as far as its client can know. */
export type Answered = Omit<AnswerEntry, 'opId' | 'client'>;

/** What an HTTP answer to a submit means. Pure. */
export function readHttp(status: number, body: Readonly<Record<string, unknown>>): Answered {
  const { commandId, duplicate, code, detail } = body as {
    commandId?: string;
    duplicate?: boolean;
    code?: string;
    detail?: string;
  };
  if (status === 202 || status === 200) return { kind: 'ok', status, commandId, duplicate };
  const told = { status, code, detail };
  // Refused for what it is, or for want of room: certainly not stored. Any 5xx may have been stored.
  return { kind: status >= 400 && status < 500 ? 'fail' : 'info', ...told };
}

/** Refused by the stream itself because it is full: certainly not stored. */
const STREAM_FULL = 10_077;

/** What JetStream's answer to a publish means. Pure. */
export function readPubAck(reply: {
  readonly seq?: number;
  readonly duplicate?: boolean;
  readonly error?: { readonly err_code?: number; readonly description?: string };
}): Answered {
  const { seq, duplicate, error } = reply;
  if (error)
    return {
      kind: error.err_code === STREAM_FULL ? 'fail' : 'info',
      code: String(error.err_code ?? 'error'),
      detail: error.description,
    };
  if (seq === undefined) return { kind: 'info', detail: 'an answer without a sequence' };
  return { kind: 'ok', streamSeq: seq, duplicate: duplicate === true };
}

/** Whether the same key may be sent again in the hope of another answer. */
export const mayBeSentAgain = ({ kind, status }: Answered): boolean =>
  kind === 'info' || (kind === 'fail' && (status === undefined || status === 429));
