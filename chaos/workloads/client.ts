import { createHash } from 'node:crypto';
import { connect, type NatsConnection, headers as natsHeaders } from 'nats';
import type { History, InvokeEntry } from '../history.js';
import type { System } from '../ports.js';
import { type Answered, mayBeSentAgain, readHttp, readPubAck } from './answers.js';
import { limited, pause } from './pause.js';

/** A command as a client asks for it. */
export interface Ask {
  readonly type: string;
  readonly session: string;
  readonly editor: string;
  readonly payload: object;
  /** Null: without a key; then it is never sent again. */
  readonly key: string | null;
  readonly about?: Readonly<Record<string, unknown>>;
  /** ISO 8601. */
  readonly deadline?: string;
}

/** A command as `GET /v1/commands/{id}` shows it. */
export interface Seen {
  readonly commandId: string;
  readonly state: string;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly code: string; readonly message: string };
}

export type Via = 'http' | 'nats';

const SEND_TIMEOUT_MS = 5_000;
const WAIT_FOR_END_S = 5;
const RETRY_MS = 150;
/** What a client may send of one key before it gives up. */
const SENDS_MAX = 400;

const TERMINAL = new Set(['completed', 'failed', 'rejected', 'conflict', 'outcome_unknown', 'cancelled']);
export const isOver = ({ state }: Seen): boolean => TERMINAL.has(state);

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/**
 * A good client: plain HTTP and plain NATS, no code of the product. It writes down what it sends before it sends it and what it was told,
 * sends a key again until somebody answers, and never sends again what has no key.
 */
export class Client {
  readonly #system: System;
  readonly #history: History;
  readonly #workload: string;
  readonly #name: string;
  readonly #nats: () => Promise<NatsConnection>;
  readonly #sends = new Map<string, number>();
  readonly #nextOperation: () => number;
  #turn = 0;

  constructor(options: {
    system: System;
    history: History;
    workload: string;
    name: string;
    nats: () => Promise<NatsConnection>;
    /** A number that no other operation of the workload has. */
    nextOperation: () => number;
  }) {
    this.#system = options.system;
    this.#history = options.history;
    this.#workload = options.workload;
    this.#name = options.name;
    this.#nats = options.nats;
    this.#nextOperation = options.nextOperation;
  }

  /** Sends once, and notes how it ended. */
  async send(ask: Ask, via: Via): Promise<Answered> {
    const body = JSON.stringify(ask.payload);
    const opId = `${this.#workload}/${this.#name}/${this.#nextOperation()}`;
    const name = `${ask.session}\0${ask.key ?? opId}\0${body}`;
    const send = (this.#sends.get(name) ?? 0) + 1;
    this.#sends.set(name, send);
    const { session, editor, type, key, about } = ask;
    const invoke: InvokeEntry = {
      kind: 'invoke',
      opId,
      client: this.#name,
      op: via === 'http' ? 'submit' : 'publish',
      workload: this.#workload,
      via,
      ...{ session, editor, type, key, about, send },
      payloadSha: sha256(`${type}\0${editor}\0${body}`),
    };
    this.#history.write(invoke);
    const answered = await (via === 'http' ? this.#post(ask) : this.#publish(ask, body));
    this.#history.write({ opId, client: this.#name, ...answered });
    return answered;
  }

  /** Sends until somebody answers for it (once when it has no key). `via` chooses the way of each send. */
  async sendUntilAnswered(ask: Ask, via: () => Via, signal: AbortSignal): Promise<Answered> {
    for (let sends = 1; ; sends++) {
      const answered = await this.send(ask, via());
      if (ask.key === null || !mayBeSentAgain(answered) || sends >= SENDS_MAX || signal.aborted)
        return answered;
      await pause(RETRY_MS, signal);
    }
  }

  /** Over HTTP until it is accepted and has ended; undefined when it was refused or the time is over. */
  async sendAndSeeEnd(ask: Ask, signal: AbortSignal): Promise<Seen | undefined> {
    const answered = await this.sendUntilAnswered(ask, () => 'http', signal);
    if (answered.kind !== 'ok' || answered.commandId === undefined) return undefined;
    return this.seeEnd(answered.commandId, signal);
  }

  /** Asks until the command has ended; undefined when the signal aborts first. */
  async seeEnd(commandId: string, signal: AbortSignal): Promise<Seen | undefined> {
    while (!signal.aborted) {
      const seen = await this.#look(commandId, signal);
      if (seen && isOver(seen)) {
        this.#history.write({ kind: 'seen', client: this.#name, commandId, state: seen.state });
        return seen;
      }
      await pause(RETRY_MS, signal);
    }
    return undefined;
  }

  /** Asks for a command to be taken back; what became of that shows in the command's end. */
  async cancel(commandId: string, session: string): Promise<void> {
    const opId = `${this.#workload}/${this.#name}/${this.#nextOperation()}`;
    this.#history.write({
      kind: 'invoke',
      opId,
      client: this.#name,
      op: 'cancel',
      workload: this.#workload,
      via: 'http',
      session,
      send: 1,
      about: { commandId },
    });
    const answered = await this.#ask('POST', `/v1/commands/${commandId}/cancel`, {});
    this.#history.write({ opId, client: this.#name, ...answered });
  }

  async #look(commandId: string, signal: AbortSignal): Promise<Seen | undefined> {
    const limit = limited((WAIT_FOR_END_S + 5) * 1_000, signal);
    try {
      const { url, token } = this.#door();
      const response = await fetch(`${url}/v1/commands/${commandId}`, {
        headers: { authorization: `Bearer ${token}`, prefer: `wait=${WAIT_FOR_END_S}` },
        signal: limit.signal,
      });
      return response.ok ? ((await response.json()) as Seen) : undefined;
    } catch {
      return undefined;
    } finally {
      limit.clear();
    }
  }

  #post({ type, session, editor, payload, key, deadline }: Ask): Promise<Answered> {
    const body = {
      type,
      sessionId: session,
      editor,
      payload,
      actor: this.#name,
      ...(deadline ? { deadline } : {}),
    };
    return this.#ask('POST', '/v1/commands', body, key === null ? {} : { 'idempotency-key': key });
  }

  async #ask(
    method: string,
    path: string,
    body: object,
    more: Record<string, string> = {},
  ): Promise<Answered> {
    const limit = limited(SEND_TIMEOUT_MS);
    try {
      const { url, token } = this.#door();
      const response = await fetch(`${url}${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...more },
        body: JSON.stringify(body),
        signal: limit.signal,
      });
      return readHttp(response.status, (await response.json()) as Record<string, unknown>);
    } catch (error) {
      return { kind: 'info', detail: reasonOf(error) };
    } finally {
      limit.clear();
    }
  }

  async #publish({ type, session, editor, key, deadline }: Ask, body: string): Promise<Answered> {
    const headers = natsHeaders();
    headers.set('Spark-Actor', this.#name);
    if (key !== null) headers.set('Spark-Idempotency-Key', key);
    if (deadline !== undefined) headers.set('Spark-Deadline', deadline);
    try {
      const nc = await this.#nats();
      const subject = `spark.commands.${editor}.${type}.${session}`;
      const reply = await nc.request(subject, body, { headers, timeout: SEND_TIMEOUT_MS });
      return readPubAck(reply.json());
    } catch (error) {
      return { kind: 'info', detail: reasonOf(error) };
    }
  }

  /** By turns, where there are several. */
  #door(): { readonly url: string; readonly token: string } {
    const { http } = this.#system;
    const door = http[this.#turn++ % http.length];
    if (!door) throw new Error('the system has no way in over HTTP');
    return door;
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}

/** One plain NATS connection for a workload, made when it is first needed; survives restarts of the servers. */
export function natsOf(system: System): { get(): Promise<NatsConnection>; close(): Promise<void> } {
  let made: Promise<NatsConnection> | undefined;
  const { urls, user, password, inboxPrefix } = system.nats.client;
  return {
    get: () => {
      made ??= connect({
        servers: [...urls],
        user,
        pass: password,
        inboxPrefix,
        maxReconnectAttempts: -1,
        reconnectTimeWait: 100,
        timeout: 2_000,
        pingInterval: 1_000,
        maxPingOut: 2,
        waitOnFirstConnect: true,
      });
      return made;
    },
    close: async () => {
      await (await made?.catch(() => undefined))?.close();
    },
  };
}
