import { SparkError } from '../../src/core/errors.js';
import { commandIdOfPosition } from '../../src/core/ids.js';
import type { SparkEvent } from '../../src/events/event.js';
import { decodeLogMessage, encodeLogMessage } from '../../src/events/log.js';
import type {
  CommandInbox,
  DeadLetterInput,
  DeadLetters,
  Delivery,
  ImageStore,
  Inbound,
  LogChunk,
  LogPort,
  ParkedBatch,
  Parking,
  ParkingView,
  PartitionLog,
} from '../../src/workers/ports.js';
import { STREAM_CREATED } from './commandFixtures.js';

export class MemoryFencedError extends SparkError {
  readonly code = 'fenced';
}

/** As if the process were gone: whatever throws it owns nothing any more. */
export class KilledError extends SparkError {
  readonly code = 'fenced';
}

export class MemoryClosedError extends SparkError {
  readonly code = 'log_closed';
}

/** The partitioned, fenced log in memory. `hold` keeps appends waiting: a stream that is away. */
export class MemoryPartitionLogs implements LogPort {
  readonly messages: ({ partition: number; data: Uint8Array } & Pick<LogChunk, 'by' | 'parkedUpTo'>)[] = [];
  readonly #last = new Map<number, number>();
  #held: (() => void)[] | undefined;
  #wakes: (() => void)[] = [];

  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    const waiting = this.#held ?? [];
    this.#held = undefined;
    for (const go of waiting) go();
  }

  get events(): SparkEvent[] {
    return this.messages.flatMap(({ data, partition }, at) =>
      decodeLogMessage(data, at + 1, 0, partition).map(({ event }) => event),
    );
  }

  async claim(partition: number): Promise<PartitionLog> {
    const epoch = this.#append(partition, [], 'claim');
    let mine = epoch;
    let closed = false;
    let tail: Promise<void> = Promise.resolve();
    const append = async (events: readonly SparkEvent[], parkedUpTo?: number): Promise<number> => {
      if (this.#held) await new Promise<void>((go) => this.#held?.push(go));
      if (closed) throw new MemoryClosedError('closed');
      if (this.#last.get(partition) !== mine) throw new MemoryFencedError('another owner');
      mine = this.#append(partition, events, epoch, parkedUpTo);
      return mine;
    };
    return {
      epoch,
      append: (events, parkedUpTo) => {
        if (closed) return Promise.reject(new MemoryClosedError('closed'));
        const result = tail.then(() => append(events, parkedUpTo));
        tail = result.then(
          () => undefined,
          () => undefined,
        );
        return result;
      },
      close: async () => {
        closed = true;
      },
    };
  }

  async end(): Promise<number> {
    return this.messages.length;
  }

  async *follow(afterSeq: number, signal: AbortSignal): AsyncIterable<LogChunk> {
    for (let at = afterSeq; !signal.aborted; at++) {
      while (at >= this.messages.length && !signal.aborted) await this.#appended(signal);
      const message = this.messages[at];
      if (!message || signal.aborted) return;
      const { data, partition } = message;
      yield {
        seq: at + 1,
        partition,
        by: message.by,
        parkedUpTo: message.parkedUpTo,
        events: () => decodeLogMessage(data, at + 1, 1_772_359_200_000 + at, partition),
      };
    }
  }

  #appended(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#wakes.push(wake);
      signal.addEventListener('abort', wake);
    });
  }

  #append(partition: number, events: readonly SparkEvent[], by: LogChunk['by'], parkedUpTo?: number): number {
    this.messages.push({ partition, data: encodeLogMessage(events), by, parkedUpTo });
    this.#last.set(partition, this.messages.length);
    for (const wake of this.#wakes.splice(0)) wake();
    return this.messages.length;
  }
}

export class MemoryImageStore implements ImageStore {
  readonly bytes = new Map<string, Uint8Array>();
  writes = 0;

  async put(images: readonly { readonly sha256: string; readonly bytes: Uint8Array }[]): Promise<void> {
    for (const { sha256, bytes } of images) {
      if (!this.bytes.has(sha256)) this.writes++;
      this.bytes.set(sha256, bytes);
    }
  }

  async get(sha256: string): Promise<Uint8Array | undefined> {
    return this.bytes.get(sha256);
  }
}

export class MemoryLetters implements DeadLetters {
  readonly letters: DeadLetterInput[] = [];

  async append(letter: DeadLetterInput): Promise<void> {
    const { seq, index } = letter.position;
    if (!this.letters.some(({ position }) => position.seq === seq && position.index === index))
      this.letters.push(letter);
  }
}

export class MemoryParking implements Parking {
  readonly batches: { editor: string; parkedSeq: number; json: string; epoch: number }[] = [];
  #lastSeq = 0;
  failing = false;
  parks = 0;

  async park(editor: string, commands: ParkedBatch['commands'], epoch = 0): Promise<number> {
    this.parks++;
    if (this.failing) throw new MemoryClosedError('the parking is away');
    const json = JSON.stringify(commands);
    this.batches.push({ editor, parkedSeq: ++this.#lastSeq, json, epoch });
    return this.#lastSeq;
  }

  async read(editor: string, afterSeq: number, maxBatches: number): Promise<ParkedBatch[]> {
    if (this.failing) throw new MemoryClosedError('the parking is away');
    return this.batches
      .filter((batch) => batch.editor === editor && batch.parkedSeq > afterSeq)
      .slice(0, maxBatches)
      .map(({ parkedSeq, json, epoch }) => ({
        parkedSeq,
        commands: JSON.parse(json) as ParkedBatch['commands'],
        epoch,
      }));
  }

  async release(editor: string, seq: number): Promise<void> {
    for (let at = this.batches.length - 1; at >= 0; at--) {
      const batch = this.batches[at];
      if (batch?.editor === editor && batch.parkedSeq <= seq) this.batches.splice(at, 1);
    }
  }

  async look(): Promise<ParkingView> {
    if (this.failing) throw new MemoryClosedError('the parking is away');
    return { upTo: this.#lastSeq, editors: [...new Set(this.batches.map(({ editor }) => editor))] };
  }
}

/** The command stream as a worker takes it. Unacknowledged messages come again only after a reset, in order. */
export class MemoryInbox implements CommandInbox {
  readonly streamCreated = STREAM_CREATED;
  readonly #messages: {
    seq: number;
    partition: number;
    items: (seq: number) => Inbound[];
    acked: boolean;
  }[] = [];
  readonly #cursor = new Map<number, number>();
  /** Deliveries since the last reset. */
  readonly #order = new Map<number, number>();
  #wake: (() => void)[] = [];
  resets = 0;
  deliveries = 0;
  openPulls = 0;
  failResets = 0;
  onAck: (() => void) | undefined;
  bytes = 0;
  maxBytes = 1_000_000;
  readonly purges: { partition: number; seq: number }[] = [];

  publish(partition: number, items: (seq: number) => Inbound[]): number {
    const seq = this.#messages.length + 1;
    this.#messages.push({ seq, partition, items, acked: false });
    for (const wake of this.#wake.splice(0)) wake();
    return seq;
  }

  /** Acknowledgements that got lost: everything comes again after the next reset. */
  forgetAcks(): void {
    for (const message of this.#messages) message.acked = false;
  }

  /** As when the server's patience for acknowledgements ends: what is not acknowledged comes again, and the count goes on. */
  deliverAgain(): void {
    for (const partition of this.#cursor.keys()) this.#cursor.set(partition, 0);
    for (const wake of this.#wake.splice(0)) wake();
  }

  get unacked(): number[] {
    return this.#messages.filter(({ acked }) => !acked).map(({ seq }) => seq);
  }

  async reset(partition: number): Promise<{ ackFloor: number }> {
    if (this.failResets > 0) {
      this.failResets--;
      throw new MemoryClosedError('no answer');
    }
    this.resets++;
    this.#cursor.set(partition, 0);
    this.#order.set(partition, 0);
    return { ackFloor: this.#floor(partition) };
  }

  async *pull(partition: number, max: number, signal: AbortSignal): AsyncIterable<Delivery> {
    this.openPulls++;
    const wakeAll = (): void => {
      for (const wake of this.#wake.splice(0)) wake();
    };
    signal.addEventListener('abort', wakeAll);
    try {
      for (let given = 0; given < max; given++) {
        let next = this.#next(partition);
        while (!next && !signal.aborted) {
          if (given > 0) return;
          await new Promise<void>((resolve) => this.#wake.push(resolve));
          next = this.#next(partition);
        }
        if (!next || signal.aborted) return;
        this.#cursor.set(partition, next.seq);
        yield this.#deliver(next);
      }
    } finally {
      signal.removeEventListener('abort', wakeAll);
      this.openPulls--;
    }
  }

  async pending(partition: number): Promise<{ waiting: number; unacked: number; ackFloor: number }> {
    const cursor = this.#cursor.get(partition) ?? 0;
    const open = this.#messages.filter((message) => message.partition === partition && !message.acked);
    const waiting = open.filter(({ seq }) => seq > cursor).length;
    return { waiting, unacked: open.length - waiting, ackFloor: this.#floor(partition) };
  }

  async purgeBelow(partition: number, seq: number): Promise<void> {
    this.purges.push({ partition, seq });
  }

  async usage(): Promise<{ bytes: number; maxBytes: number }> {
    return { bytes: this.bytes, maxBytes: this.maxBytes };
  }

  #next(partition: number) {
    // A message lies at its sequence less one.
    for (let at = this.#cursor.get(partition) ?? 0; at < this.#messages.length; at++) {
      const message = this.#messages[at];
      if (message?.partition === partition && !message.acked) return message;
    }
    return undefined;
  }

  #floor(partition: number): number {
    const mine = this.#messages.filter((message) => message.partition === partition);
    const open = mine.find(({ acked }) => !acked);
    return open ? open.seq - 1 : (mine.at(-1)?.seq ?? 0);
  }

  #deliver(message: {
    seq: number;
    partition: number;
    items: (seq: number) => Inbound[];
    acked: boolean;
  }): Delivery {
    const order = (this.#order.get(message.partition) ?? 0) + 1;
    this.#order.set(message.partition, order);
    this.deliveries++;
    return {
      partition: message.partition,
      seq: message.seq,
      order,
      items: message.items(message.seq),
      original: { subject: 'spark.commands.raw', headers: {}, data: Buffer.from('{}') },
      ack: () => {
        message.acked = true;
        this.onAck?.();
      },
      working: () => undefined,
    };
  }
}

export const memoryCommandId = (seq: number, index: number): string =>
  commandIdOfPosition(STREAM_CREATED, seq, index);
