import type { Command, CommandPosition } from '../commands/envelope.js';
import type { ParkedBatch, Parking } from './ports.js';
import type { Task } from './task.js';

/** Batches fetched at once, and the size of one: a batch must fit one message of any nats-server. */
const FETCH_BATCHES = 4;
const BATCH_COMMANDS = 100;
const BATCH_BYTES = 512 * 1024;
/** Batches ended after which their places are released. */
const RELEASE_EVERY = 4;

/**
 * One editor's part of the parking. While anything of it is stored and not fetched, every new command of the editor goes there too:
 * that keeps the order, and so does storing one batch after the other. Nothing is lost around a crash: a command is acknowledged in
 * the command stream only after it is stored here, and released here only after its terminal event is stored.
 */
export class ParkedLane {
  readonly #editor: string;
  readonly #parking: Parking;
  /** Rejects when another worker has taken the partition. */
  readonly #stillOwner: () => Promise<void>;
  readonly #onError: (error: unknown) => void;
  #highestStored: number;
  #cursor = 0;
  #waiting: { task: Task; stored: () => void; failed: (error: unknown) => void }[] = [];
  #storing: Promise<void> | undefined;
  #endedBatches = 0;
  /** Fetched batches and the places of their commands that have not ended. */
  readonly #fetched = new Map<number, Set<string>>();

  constructor(
    editor: string,
    parking: Parking,
    lastSeq: number,
    stillOwner: () => Promise<void>,
    onError: (error: unknown) => void,
  ) {
    this.#editor = editor;
    this.#parking = parking;
    this.#highestStored = lastSeq;
    this.#stillOwner = stillOwner;
    this.#onError = onError;
  }

  /** True while new commands must go behind what is stored. */
  get active(): boolean {
    return this.#storing !== undefined || this.hasMore;
  }

  get hasMore(): boolean {
    return this.#cursor < this.#highestStored;
  }

  /** Nothing stored, nothing fetched that has not ended. */
  get idle(): boolean {
    return !this.active && this.#fetched.size === 0;
  }

  /** Moves a command here; resolves when it is stored. */
  store(task: Task): Promise<void> {
    return new Promise((stored, failed) => {
      this.#waiting.push({ task, stored, failed });
      this.#storing ??= this.#storeWaiting();
    });
  }

  async fetch(): Promise<ParkedBatch[]> {
    const after = this.#cursor;
    const read = await this.#parking.read(this.#editor, after, FETCH_BATCHES);
    // A batch that is stored and not yet told as stored is still held by its deliveries: read now, it would be skipped as held.
    const batches = read.filter(({ parkedSeq }) => parkedSeq <= this.#highestStored);
    // Something was put back meanwhile: it comes first.
    if (this.#cursor !== after) return [];
    for (const { parkedSeq, commands } of batches) {
      this.#cursor = Math.max(this.#cursor, parkedSeq);
      this.#fetched.set(parkedSeq, new Set(commands.map(({ position }) => placeOf(position))));
    }
    return batches;
  }

  /** Fetched commands that go back unexecuted: they are still stored. Those of their batch that have ended are known as such. */
  putBack(parkedSeqs: readonly number[]): void {
    if (parkedSeqs.length === 0) return;
    const first = Math.min(...parkedSeqs);
    for (const seq of this.#fetched.keys()) if (seq >= first) this.#fetched.delete(seq);
    this.#cursor = Math.min(this.#cursor, first - 1);
  }

  /** By place, not by count: around a put-back the same end may be told twice. */
  ended(parkedSeq: number, position: Place): void {
    const open = this.#fetched.get(parkedSeq);
    if (!open?.delete(placeOf(position)) || open.size > 0) return;
    this.#fetched.delete(parkedSeq);
    this.#endedBatches++;
    if (this.#endedBatches >= RELEASE_EVERY || this.#fetched.size === 0) this.#release();
  }

  #release(): void {
    this.#endedBatches = 0;
    const upTo = this.#fetched.size === 0 ? this.#cursor : Math.min(...this.#fetched.keys()) - 1;
    this.#parking.release(this.#editor, upTo).catch(this.#onError);
  }

  async #storeWaiting(): Promise<void> {
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#takeBatch();
      try {
        const seq = await this.#parking.park(
          this.#editor,
          batch.map(({ task }) => task.command),
        );
        // A zombie must not acknowledge what the new owner, who looked before this, will not find.
        await this.#stillOwner();
        this.#highestStored = Math.max(this.#highestStored, seq);
        for (const { stored } of batch) stored();
      } catch (error) {
        for (const { failed } of [...batch, ...this.#waiting.splice(0)]) failed(error);
      }
    }
    this.#storing = undefined;
  }

  #takeBatch() {
    let bytes = 0;
    let count = 0;
    for (const { task } of this.#waiting) {
      bytes += sizeOf(task.command);
      if (count > 0 && (count >= BATCH_COMMANDS || bytes > BATCH_BYTES)) break;
      count++;
    }
    return this.#waiting.splice(0, count);
  }
}

type Place = Pick<CommandPosition, 'seq' | 'index'>;
const placeOf = ({ seq, index }: Place): string => `${seq}.${index}`;
const sizeOf = (command: Command): number => 600 + 2 * JSON.stringify(command.payload).length;
