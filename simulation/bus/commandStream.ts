import { decodeCommandMessage } from '../../src/streams/commandCodec.js';
import type { Inbound } from '../../src/workers/ports.js';
import type { Kernel } from '../kernel/kernel.js';
import type { Network } from '../kernel/network.js';
import { EPOCH_MS, type Process } from '../kernel/process.js';
import { type Stored, Stream } from './stream.js';

export interface CommandMessage extends Stored {
  readonly partition: number;
  /** Decoded by production's codec, once for all deliveries. */
  readonly items: readonly Inbound[];
}

/** A request for messages that waits at the server. */
interface Pull {
  readonly process: Process;
  left: number;
  open: boolean;
  readonly onMessage: (message: CommandMessage, deliverySeq: number) => void;
  readonly onEnd: () => void;
}

/** One durable pull consumer: explicit acknowledgement, no limit of deliveries. */
interface Consumer {
  /** The last message that was handed out for the first time (since the reset). */
  cursor: number;
  deliverySeq: number;
  /** Everything up to there is acknowledged. */
  floor: number;
  readonly acked: Set<number>;
  /** Handed out, not acknowledged: when it may be handed out again. */
  readonly unacked: Map<number, number>;
  /** Due again, in whatever order that came about. */
  again: number[];
  pulls: Pull[];
}

export interface CommandStreamOptions {
  readonly partitions: number;
  readonly duplicateWindowMs: number;
  readonly ackWaitMs: number;
}

/**
 * The command stream and its consumers with the manners that were measured on a real server (design notes, nats.md):
 * what was not yet delivered goes first at a failover, the dead one's messages come after ack_wait; a reset brings everything above the
 * floor again, acknowledged or not, but leaves waiting pull requests (a stopped worker's too) in line; an acknowledgement counts whoever sends it.
 */
export class CommandStream {
  readonly created = '2026-03-01T00:00:00.000Z';
  readonly stream: Stream;
  readonly #kernel: Kernel;
  readonly #network: Network;
  readonly #options: CommandStreamOptions;
  readonly #consumers: Consumer[];
  /** By sequence less one. */
  readonly #messages: CommandMessage[] = [];
  readonly #listeners: ((message: CommandMessage) => void)[] = [];

  constructor(kernel: Kernel, network: Network, options: CommandStreamOptions) {
    this.#kernel = kernel;
    this.#network = network;
    this.#options = options;
    this.stream = new Stream('SPARK_COMMANDS', () => EPOCH_MS + kernel.nowMs, options.duplicateWindowMs);
    this.#consumers = Array.from({ length: options.partitions }, () => ({
      cursor: 0,
      deliverySeq: 0,
      floor: 0,
      acked: new Set(),
      unacked: new Map(),
      again: [],
      pulls: [],
    }));
  }

  /** Stores a publish; the partition comes with its subject, as the stream's transform puts it there. */
  publish(
    partition: number,
    subject: string,
    data: Uint8Array,
    headers: Readonly<Record<string, string>>,
    messageId: string | undefined,
  ): { seq: number; duplicate: boolean } {
    const stored = this.stream.publish(subject, data, { headers, messageId });
    const message = stored.duplicate ? undefined : this.stream.messages[stored.seq - 1];
    if (message) {
      const storedAt = new Date(message.tsMs).toISOString();
      const items = decodeCommandMessage({ partition, ...message, storedAt, streamCreated: this.created });
      const decoded = { partition, ...message, items };
      this.#messages.push(decoded);
      for (const listen of this.#listeners) listen(decoded);
      this.#serve(partition);
    }
    return stored;
  }

  /** Told of each message as it is stored. */
  onStored(listen: (message: CommandMessage) => void): void {
    this.#listeners.push(listen);
  }

  /** `consumers.reset()`: from the floor on, in order. */
  reset(partition: number): number {
    const consumer = this.#consumer(partition);
    consumer.cursor = consumer.floor;
    consumer.deliverySeq = 0;
    consumer.acked.clear();
    consumer.unacked.clear();
    consumer.again = [];
    this.#serve(partition);
    return consumer.floor;
  }

  /** Opens a pull; the returned function takes it back. */
  pull(
    partition: number,
    pull: Omit<Pull, 'left' | 'open'> & { max: number; expiresMs: number },
  ): () => void {
    const { max, expiresMs, ...rest } = pull;
    const open: Pull = { left: max, ...rest, open: true };
    this.#consumer(partition).pulls.push(open);
    this.#kernel.after(expiresMs, () => this.#end(open));
    this.#serve(partition);
    return () => this.#close(open);
  }

  ack(partition: number, seq: number): void {
    const consumer = this.#consumer(partition);
    consumer.unacked.delete(seq);
    if (seq > consumer.cursor) return;
    consumer.again = consumer.again.filter((other) => other !== seq);
    if (seq > consumer.floor) consumer.acked.add(seq);
    this.#raiseFloor(partition, consumer);
  }

  /** What a restart of the server may do: everything that is out is handed out again at once, newest first. */
  redeliverAll(): void {
    for (const [partition, consumer] of this.#consumers.entries()) {
      consumer.again.push(...[...consumer.unacked.keys()].reverse());
      consumer.unacked.clear();
      this.#serve(partition);
    }
  }

  pending(partition: number): { waiting: number; unacked: number; ackFloor: number } {
    const consumer = this.#consumer(partition);
    let waiting = 0;
    for (let seq = consumer.cursor + 1; seq <= this.stream.lastSeq; seq++)
      if (this.#messages[seq - 1]?.partition === partition) waiting++;
    return { waiting, unacked: consumer.unacked.size + consumer.again.length, ackFloor: consumer.floor };
  }

  #raiseFloor(partition: number, consumer: Consumer): void {
    for (let seq = consumer.floor + 1; seq <= consumer.cursor; seq++) {
      if (this.#messages[seq - 1]?.partition === partition && !consumer.acked.delete(seq)) return;
      consumer.floor = seq;
    }
  }

  #serve(partition: number): void {
    const consumer = this.#consumer(partition);
    for (;;) {
      consumer.pulls = consumer.pulls.filter((pull) => pull.open && pull.left > 0 && pull.process.alive);
      const [pull] = consumer.pulls;
      if (!pull) return;
      const seq = consumer.again.shift() ?? this.#nextNew(partition, consumer);
      const message = seq === undefined ? undefined : this.#messages[seq - 1];
      if (!message) return;
      this.#handOut(pull, message, consumer);
    }
  }

  #nextNew(partition: number, consumer: Consumer): number | undefined {
    while (consumer.cursor < this.stream.lastSeq) {
      consumer.cursor++;
      if (this.#messages[consumer.cursor - 1]?.partition === partition) return consumer.cursor;
    }
    return undefined;
  }

  #handOut(pull: Pull, message: CommandMessage, consumer: Consumer): void {
    const dueMs = this.#kernel.nowMs + this.#options.ackWaitMs;
    const deliverySeq = ++consumer.deliverySeq;
    consumer.unacked.set(message.seq, dueMs);
    this.#kernel.after(this.#options.ackWaitMs, () => {
      if (consumer.unacked.get(message.seq) !== dueMs) return;
      consumer.unacked.delete(message.seq);
      consumer.again.push(message.seq);
      this.#serve(message.partition);
    });
    pull.left--;
    // A connection loses nothing of its middle: what is lost is lost with the connection.
    if (!this.#network.isCut(pull.process)) {
      const delayMs = this.#network.inOrder(pull.process, this.#kernel.random.between(1, 4));
      pull.process.after(delayMs, () => {
        if (!this.#network.isCut(pull.process)) pull.onMessage(message, deliverySeq);
      });
    }
    if (pull.left === 0) this.#end(pull);
  }

  #end(pull: Pull): void {
    if (!pull.open) return;
    this.#close(pull);
    pull.process.after(this.#network.inOrder(pull.process, 1), pull.onEnd);
  }

  #close(pull: Pull): void {
    pull.open = false;
  }

  #consumer(partition: number): Consumer {
    const consumer = this.#consumers[partition];
    if (!consumer) throw new RangeError(`no partition ${partition}`);
    return consumer;
  }
}
