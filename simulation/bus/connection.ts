import { type Msg, type MsgHdrs, type NatsConnection, headers as natsHeaders, TimeoutError } from 'nats';
import { SUBJECTS } from '../../src/streams/subjects.js';
import { STREAMS } from '../../src/streams/topology.js';
import { type Network, RequestTimeoutError } from '../kernel/network.js';
import type { Process } from '../kernel/process.js';
import { type Stored, type Stream, VerdictError } from './stream.js';

/** What a server of streams holds, by the names that production uses. */
export type Streams = ReadonlyMap<string, Stream>;

const decoder = new TextDecoder();
const encoder = new TextEncoder();
const DIRECT = '$JS.API.DIRECT.GET.';
const INFO = '$JS.API.STREAM.INFO.';
const PURGE = '$JS.API.STREAM.PURGE.';
const GET = '$JS.API.STREAM.MSG.GET.';
const NO_MESSAGE = 10_037;
const EXPECTED_LAST = 'Nats-Expected-Last-Subject-Sequence';
const MESSAGE_ID = 'Nats-Msg-Id';

type Reply = Pick<Msg, 'data' | 'headers'>;

/**
 * A NATS connection of one process as the client library of JetStream sees it: just the requests that SPARK's own adapters make (publish,
 * stream info, purge, direct get). So the appender, the parking and the dead letters run here as they are.
 */
export function connectionOf(process: Process, network: Network, streams: Streams): NatsConnection {
  const request = async (
    subject: string,
    payload: Uint8Array | string = '',
    options: { timeout?: number; headers?: MsgHdrs } = {},
  ): Promise<Reply> => {
    try {
      return await network.request(process, options.timeout ?? 5_000, () =>
        serve(streams, subject, payload, options.headers),
      );
    } catch (error) {
      throw error instanceof RequestTimeoutError ? new TimeoutError() : error;
    }
  };
  const inboxes = new Map<string, (error: Error | null, message: Msg) => void>();
  const connection = {
    options: {},
    features: { get: () => ({ min: '2.11.0', ok: true }) },
    request,
    subscribe: (inbox: string, { callback }: { callback: (error: Error | null, message: Msg) => void }) => {
      inboxes.set(inbox, callback);
      return { unsubscribe: () => inboxes.delete(inbox) };
    },
    // Only the direct get of a batch asks this way; who gets no answer hears a timeout.
    publish: (subject: string, payload: string, { reply }: { reply: string }) => {
      const told = (message: Reply) => inboxes.get(reply)?.(null, message as Msg);
      network
        .request(process, 5_000, () => batchOf(streams, subject, payload))
        .then(
          (replies) => replies.forEach(told),
          () => inboxes.get(reply)?.(new TimeoutError(), {} as Msg),
        );
    },
  };
  return connection as unknown as NatsConnection;
}

function serve(streams: Streams, subject: string, payload: Uint8Array | string, headers?: MsgHdrs): Reply {
  if (subject.startsWith(DIRECT)) {
    const [name = '', ...rest] = subject.slice(DIRECT.length).split('.');
    return lastReply(streamOf(streams, name).lastOf(rest.join('.')));
  }
  if (subject.startsWith(INFO)) return json(infoOf(streamOf(streams, subject.slice(INFO.length))));
  if (subject.startsWith(PURGE)) {
    const { filter, seq } = JSON.parse(textOf(payload)) as { filter: string; seq: number };
    return json({ success: true, purged: streamOf(streams, subject.slice(PURGE.length)).purge(filter, seq) });
  }
  if (subject.startsWith(GET)) {
    const { last_by_subj: last } = JSON.parse(textOf(payload)) as { last_by_subj: string };
    return storedReply(streamOf(streams, subject.slice(GET.length)).lastOf(last));
  }
  if (subject === '$JS.API.INFO') return json({});
  if (subject.startsWith('$JS.API.')) throw new Error(`nobody answers ${subject} in the simulation`);
  return published(streamOfSubject(streams, subject), subject, payload as Uint8Array, headers);
}

function published(stream: Stream, subject: string, data: Uint8Array, headers: MsgHdrs | undefined): Reply {
  const record: Record<string, string> = {};
  for (const [name, values] of headers ?? []) record[name] = values[0] ?? '';
  const expected = record[EXPECTED_LAST];
  try {
    const { seq, duplicate } = stream.publish(subject, data, {
      headers: record,
      messageId: record[MESSAGE_ID],
      expectedLast: expected === undefined ? undefined : Number(expected),
    });
    return json({ stream: stream.name, seq, duplicate });
  } catch (error) {
    if (!(error instanceof VerdictError)) throw error;
    return json({ error: { code: 400, err_code: error.errCode, description: error.message } });
  }
}

function batchOf(streams: Streams, subject: string, payload: string): Reply[] {
  const stream = streamOf(streams, subject.slice(DIRECT.length));
  const query = JSON.parse(payload) as { seq: number; batch: number; next_by_subj: string };
  const replies: Reply[] = [];
  let message = stream.next(query.seq - 1, query.next_by_subj);
  while (message && replies.length < query.batch) {
    replies.push(messageReply(message));
    message = stream.next(message.seq, query.next_by_subj);
  }
  return replies.length === 0 ? [status(404, 'No Results')] : [...replies, status(204, 'EOB')];
}

const lastReply = (message: Stored | undefined): Reply =>
  message ? messageReply(message) : status(404, 'Message Not Found');

/** As the stream's leader tells it, in JSON. */
function storedReply(message: Stored | undefined): Reply {
  if (!message) return json({ error: { code: 404, err_code: NO_MESSAGE, description: 'no message found' } });
  const { seq, subject, headers, data, tsMs } = message;
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const stored = {
    subject,
    seq,
    hdrs: Buffer.from(`NATS/1.0\r\n${lines.join('')}\r\n`).toString('base64'),
    data: Buffer.from(data).toString('base64'),
    time: new Date(tsMs).toISOString(),
  };
  return json({ message: stored });
}

function messageReply({ seq, subject, data, headers, tsMs }: Stored): Reply {
  const all = natsHeaders();
  for (const [name, value] of Object.entries(headers)) all.set(name, value);
  all.set('Nats-Subject', subject);
  all.set('Nats-Sequence', String(seq));
  all.set('Nats-Time-Stamp', new Date(tsMs).toISOString());
  all.set('Nats-Num-Pending', '0');
  return { data, headers: all };
}

const status = (code: number, text: string): Reply => ({
  data: new Uint8Array(),
  headers: natsHeaders(code, text),
});
const json = (value: object): Reply => ({ data: encoder.encode(JSON.stringify(value)) });
const textOf = (payload: Uint8Array | string): string =>
  typeof payload === 'string' ? payload : decoder.decode(payload);

function infoOf(stream: Stream): object {
  const subjects = stream.subjects();
  const messages = Object.values(subjects).reduce((sum, count) => sum + count, 0);
  return { config: { name: stream.name }, state: { messages, last_seq: stream.lastSeq, subjects } };
}

function streamOf(streams: Streams, name: string): Stream {
  const stream = streams.get(name);
  if (!stream) throw new Error(`no stream ${name} in the simulation`);
  return stream;
}

function streamOfSubject(streams: Streams, subject: string): Stream {
  if (subject.startsWith(`${SUBJECTS.log}.`)) return streamOf(streams, STREAMS.log);
  if (subject.startsWith(`${SUBJECTS.parked}.`)) return streamOf(streams, STREAMS.parked);
  if (subject === SUBJECTS.deadLetters) return streamOf(streams, STREAMS.deadLetters);
  throw new Error(`nobody takes ${subject} in the simulation`);
}
