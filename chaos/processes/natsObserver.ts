import { type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from 'nats';
import { connectRole } from '../../src/streams/connection.js';
import type { NatsAccess } from '../ports.js';

const LOG = 'SPARK_LOG';
const COMMANDS = 'SPARK_COMMANDS';
const PARKED = 'SPARK_PARKED';
const FLEET = 'KV_spark-workers';
const CANARY = 'spark.canary';
const ANSWER_MS = 1_000;
/** Messages of the log asked for at once. */
const LOOK_AT_ONCE = 256;

/** What still lies in front of the workers. */
export interface Backlog {
  /** Not delivered, or delivered and not acknowledged. */
  readonly commands: number;
  readonly parked: number;
}

/** The harness's own eyes on NATS, as `admin` and straight: no nemesis sits between. Every question fails while the server is away. */
export class NatsObserver {
  readonly #nc: NatsConnection;
  readonly #manager: JetStreamManager;

  private constructor(nc: NatsConnection, manager: JetStreamManager) {
    this.#nc = nc;
    this.#manager = manager;
  }

  static async connect(access: NatsAccess): Promise<NatsObserver> {
    const nc = await connectRole('admin', access.urls.join(','), {
      user: access.user,
      password: access.password,
    });
    return new NatsObserver(nc, await jetstreamManager(nc, { timeout: ANSWER_MS, checkAPI: false }));
  }

  get connection(): NatsConnection {
    return this.#nc;
  }

  get manager(): JetStreamManager {
    return this.#manager;
  }

  /** Resolves when the server has stored something; throws its refusal, or that nobody answers. */
  async store(): Promise<void> {
    await jetstream(this.#nc).publish(CANARY, new Uint8Array(), { timeout: ANSWER_MS });
  }

  async logEnd(): Promise<number> {
    return (await this.#manager.streams.info(LOG)).state.last_seq;
  }

  /** The server that leads the log's stream; undefined without a cluster. */
  async logLeader(): Promise<string | undefined> {
    return (await this.#manager.streams.info(LOG)).cluster?.leader;
  }

  /** The partitions that somebody has claimed behind that place of the log: an owner's claim is a message without events. */
  async claimedAfter(seq: number): Promise<Set<number>> {
    const claimed = new Set<number>();
    const end = await this.logEnd();
    for (let last = seq; last < end; ) {
      const before = last;
      const messages = await this.#manager.direct.getBatch(LOG, { seq: last + 1, batch: LOOK_AT_ONCE });
      for await (const message of messages) {
        last = message.seq;
        if (isClaim(message.data))
          claimed.add(Number(message.subject.slice(message.subject.lastIndexOf('.') + 1)));
      }
      if (last === before) break;
    }
    return claimed;
  }

  /** The partitions that a worker says it owns; undefined when it has said nothing. */
  async ownedBy(workerId: string): Promise<number[] | undefined> {
    const word = await this.#manager.direct.getMessage(FLEET, {
      last_by_subj: `$KV.spark-workers.${workerId}`,
    });
    if (!word) return undefined;
    const { owned } = JSON.parse(new TextDecoder().decode(word.data)) as { owned?: Record<string, number> };
    return Object.keys(owned ?? {}).map(Number);
  }

  async backlog(partitions: number): Promise<Backlog> {
    let commands = 0;
    for (let partition = 0; partition < partitions; partition++) {
      const { num_pending, num_ack_pending } = await this.#manager.consumers.info(
        COMMANDS,
        `worker-${partition}`,
      );
      commands += num_pending + num_ack_pending;
    }
    return { commands, parked: (await this.#manager.streams.info(PARKED)).state.messages };
  }

  async close(): Promise<void> {
    await this.#nc.close();
  }
}

function isClaim(data: Uint8Array): boolean {
  try {
    const body = JSON.parse(new TextDecoder().decode(data)) as { events?: unknown };
    return Array.isArray(body.events) && body.events.length === 0;
  } catch {
    return false;
  }
}
