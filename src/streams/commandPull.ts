import type { JetStreamClient } from '@nats-io/jetstream';
import { createInbox, type Msg, type NatsConnection, nanos, type Subscription } from 'nats';
import { SparkError } from '../core/errors.js';
import { HEARTBEAT_MS, watchSilence } from './silence.js';

/** An idle pull is renewed after this long; messages do not wait for it. */
const PULL_EXPIRES_MS = 20_000;
/** For a message that is there; others wait for it. */
const LARGE_PULL_EXPIRES_MS = 3_000;
/**
 * What all pulls of one connection may bring together. nats-server cuts a connection for which more than its `max_pending` waits (64 MiB, also on
 * an operator's server that nobody has told otherwise), and what was on its way is lost with it. Far less than that, because one pull's
 * messages come behind the others': on a slow machine 24 MiB took so long to read that a pull at the end of them was taken for dead.
 */
const PULLS_BYTES = 8 * 1_024 * 1_024;

/** The server that led the consumer is gone, or its connection. */
class SilentConsumerError extends SparkError {
  readonly code = 'consumer_silent';
}

/** The server gives nothing to this pull: the consumer is gone, or led by another just now. */
class PullRefusedError extends SparkError {
  readonly code = 'pull_refused';
}

/** A message as a pull brings it, with what its reply subject says of its delivery. */
export interface PulledMessage {
  readonly message: Msg;
  readonly seq: number;
  /** Counts the deliveries of the consumer. */
  readonly order: number;
  readonly tsMs: number;
}

/**
 * The pulls of one connection from the consumers of a stream, each bounded in messages and in bytes at once (the client's own takes one or
 * the other). Every one of `consumers` may bring its share of the bytes; a message that is larger than that comes alone, and only one such
 * at a time.
 */
export class Pulls {
  readonly #nc: NatsConnection;
  readonly #js: JetStreamClient;
  readonly #stream: string;
  readonly #shareBytes: number;
  /** Who fetches a large message, and who waits to. */
  #large: Promise<void> = Promise.resolve();

  constructor(nc: NatsConnection, js: JetStreamClient, stream: string, consumers: number) {
    this.#nc = nc;
    this.#js = js;
    this.#stream = stream;
    this.#shareBytes = Math.floor(PULLS_BYTES / consumers);
  }

  /** See `CommandInbox.pull`. Throws when the server refuses or falls silent: what was on the wire is lost then. */
  async *pull(consumer: string, max: number, signal: AbortSignal): AsyncIterable<PulledMessage> {
    const ended = yield* this.#once(consumer, share(max, this.#shareBytes), signal);
    if (ended !== 'too_large') return;
    const before = this.#large;
    let done: () => void = () => undefined;
    const mine = new Promise<void>((resolve) => {
      done = resolve;
    });
    // Whoever leaves early lets nobody past those before.
    this.#large = before.then(() => mine);
    let leave: () => void = () => undefined;
    const aborted = new Promise<void>((resolve) => {
      leave = resolve;
    });
    signal.addEventListener('abort', leave, { once: true });
    try {
      await Promise.race([before, aborted]);
      yield* this.#once(consumer, ALONE, signal);
    } finally {
      signal.removeEventListener('abort', leave);
      done();
    }
  }

  async *#once(
    consumer: string,
    request: PullRequest,
    signal: AbortSignal,
  ): AsyncGenerator<PulledMessage, Ended> {
    if (signal.aborted) return 'over';
    const inbox = createInbox(this.#js.getOptions().watcherPrefix);
    const subscription = this.#nc.subscribe(inbox);
    const stop = () => subscription.unsubscribe();
    signal.addEventListener('abort', stop, { once: true });
    let silent = false;
    const unwatch = watchSilence(
      () => subscription.getReceived(),
      () => {
        silent = true;
        stop();
      },
    );
    try {
      const subject = `$JS.API.CONSUMER.MSG.NEXT.${this.#stream}.${consumer}`;
      this.#nc.publish(subject, JSON.stringify(request), { reply: inbox });
      const ended = yield* received(subscription, inbox, request, signal);
      // What was on the wire is lost: the caller begins anew, at the floor.
      if (silent) throw new SilentConsumerError(`${consumer} of ${this.#stream} has fallen silent`);
      return ended;
    } finally {
      unwatch();
      signal.removeEventListener('abort', stop);
      // Also where the reader has had enough: what the server still sent would be delivered to nobody.
      stop();
    }
  }
}

/** As the server reads it; times in nanoseconds. */
interface PullRequest {
  readonly batch: number;
  /** Absent: however large the next message is. */
  readonly max_bytes?: number;
  readonly expires: number;
  readonly idle_heartbeat: number;
}

const share = (messages: number, bytes: number): PullRequest => ({
  batch: messages,
  max_bytes: bytes,
  expires: nanos(PULL_EXPIRES_MS),
  idle_heartbeat: nanos(HEARTBEAT_MS),
});

const ALONE: PullRequest = {
  batch: 1,
  expires: nanos(LARGE_PULL_EXPIRES_MS),
  idle_heartbeat: nanos(HEARTBEAT_MS),
};

/** `too_large`: the first message is larger than the pull may bring, so none came. */
type Ended = 'over' | 'too_large';

/** What the server says of a pull, on its inbox; messages come with their own subject. */
const STATUS = { heartbeat: 100, noMessages: 404, expired: 408, conflict: 409 } as const;
const TOO_LARGE = /exceeds maxbytes/i;
const COMPLETED = /batch completed/i;
/** How many messages the pull was not given. */
const LEFT = 'Nats-Pending-Messages';

async function* received(
  subscription: Subscription,
  inbox: string,
  { batch, max_bytes = Number.POSITIVE_INFINITY }: PullRequest,
  signal: AbortSignal,
): AsyncGenerator<PulledMessage, Ended> {
  let count = 0;
  let bytes = 0;
  let expected = batch;
  let ended: Ended = 'over';
  for await (const message of subscription) {
    if (signal.aborted) return 'over';
    if (message.subject !== inbox) {
      count++;
      bytes += sizeOf(message);
      yield { message, ...deliveryOf(message.reply ?? '') };
    } else if (message.headers?.code !== STATUS.heartbeat) {
      // Told ahead of its messages where several servers must agree on each delivery: those are on their way still.
      const left = leftOf(message);
      expected = left === undefined ? count : batch - left;
      if (expected === 0 && TOO_LARGE.test(message.headers?.description ?? '')) ended = 'too_large';
    }
    // A pull whose bytes are used up to the last one ends without a word from the server.
    if (count >= expected || bytes >= max_bytes) return ended;
  }
  return 'over';
}

/** As the server counts it against `max_bytes`; the client tells it, but its type does not. */
function sizeOf(message: Msg): number {
  return (message as Msg & { readonly size?: () => number }).size?.() ?? 0;
}

/** Of the server's word that a pull is over: how many messages it has not sent; undefined when it says nothing of that. */
function leftOf({ headers }: Msg): number | undefined {
  const { code = 0, description = '' } = headers ?? {};
  const isEnd =
    code === STATUS.expired ||
    code === STATUS.noMessages ||
    (code === STATUS.conflict && (TOO_LARGE.test(description) || COMPLETED.test(description)));
  if (!isEnd) throw new PullRefusedError(`the server ended a pull: ${code} ${description}`);
  return headers?.has(LEFT) ? Number(headers.get(LEFT)) : undefined;
}

/** `$JS.ACK.<stream>.<consumer>.<delivered>.<seq>.<order>.<ns>.<pending>`, or the same with domain and account in front of the stream. */
function deliveryOf(reply: string): { readonly seq: number; readonly order: number; readonly tsMs: number } {
  const tokens = reply.split('.');
  const [seq, order, ns] = tokens.slice(tokens.length === 9 ? 5 : 7).map(Number);
  if (tokens[1] !== 'ACK' || seq === undefined || order === undefined || ns === undefined)
    throw new PullRefusedError(`not a delivery: ${reply}`);
  return { seq, order, tsMs: ns / 1e6 };
}
