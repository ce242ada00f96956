import { type Clock, pause } from '../../core/clock.js';
import { messageOf, SparkError } from '../../core/errors.js';
import type { LoggedEvent } from '../../events/event.js';
import type { LogChunk, LogPort } from '../ports.js';

const RETRY_MS = 100;

export interface FollowerDependencies {
  readonly log: Pick<LogPort, 'end' | 'follow'>;
  readonly clock: Clock;
  /** How many partitions the log has. */
  readonly partitions: number;
  /** An event of a partition that is not ours; read on when it resolves. `place`: that of its message in the log. */
  readonly apply: (logged: LoggedEvent, place: number) => void | Promise<void>;
  /** How far an owner saw into the parking. */
  readonly looked: (partition: number, epoch: number, parkedUpTo: number) => void;
  readonly warn: (message: string, error: unknown) => void;
  /** The log holds what this build cannot read, or somebody has claimed a partition of ours: nothing may be decided by half a history. */
  readonly broken: (error: unknown) => void;
}

/** Somebody has claimed a partition that we believed to be ours: what was said there since is not in our state. */
export class TakenOverError extends SparkError {
  readonly code = 'taken_over';
}

/** The follower has stopped, or cannot go on: what was to be waited for will not be known here. */
export class FollowerStoppedError extends SparkError {
  readonly code = 'log_closed';
}

interface Waiter {
  readonly place: number;
  done(): void;
  failed(error: unknown): void;
}

/**
 * Keeps a worker's state level with the log: first everything that is there, then what other workers append. What the worker appends
 * itself it has applied already, so messages of partitions it owns are passed over undecoded; owning all of them it reads nothing.
 */
export class LogFollower {
  readonly #deps: FollowerDependencies;
  readonly #abort = new AbortController();
  /** Everything up to there has been applied. */
  #place = 0;
  /** Our partitions, with the epochs of our claims. */
  readonly #owned = new Map<number, number>();
  /** The last message of ours in a partition: what is read up to there is known. */
  readonly #ours = new Map<number, number>();
  /** The newest claim that was read of a partition. */
  readonly #claims = new Map<number, number>();
  #reading = new AbortController();
  #waiters: Waiter[] = [];
  #running: Promise<void> | undefined;
  #wake: () => void = () => undefined;

  constructor(deps: FollowerDependencies) {
    this.#deps = deps;
  }

  /** Whether every partition is ours: then nobody else can append, and nothing need be waited for. */
  get alone(): boolean {
    return this.#owned.size === this.#deps.partitions;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#end();
    await this.#running;
  }

  /** Whoever waits must not go on as if it knew. */
  #end(): void {
    this.#abort.abort();
    this.#reading.abort();
    this.#wake();
    for (const { failed } of this.#waiters.splice(0)) failed(stopped());
  }

  /** Waits until everything that is in the log now has been applied. */
  async level(): Promise<void> {
    if (this.alone) return;
    await this.reached(await this.#newest());
  }

  /** Waits until everything up to that place has been applied. Throws `FollowerStoppedError` when the follower stops before. */
  async reached(place: number): Promise<void> {
    if (place <= this.#place || this.alone) return;
    if (this.#abort.signal.aborted) throw stopped();
    await new Promise<void>((done, failed) => this.#waiters.push({ place, done, failed }));
  }

  /** From now on the partition is ours. To be called once its claim has been reached; throws when a later one has been too. */
  own(partition: number, epoch: number): void {
    const newest = this.#claims.get(partition) ?? 0;
    if (newest > epoch) throw takenOver(partition, epoch, newest);
    this.#owned.set(partition, epoch);
    if (!this.alone) return;
    this.#reading.abort();
    this.#passed();
  }

  /** A message of ours is stored. */
  appended(partition: number, place: number): void {
    this.#ours.set(partition, Math.max(place, this.#ours.get(partition) ?? 0));
    // Nobody else's can lie before it.
    if (this.alone) this.#place = Math.max(this.#place, place);
  }

  /** From now on others append to the partition. */
  disown(partition: number): void {
    if (this.#owned.delete(partition)) this.#wake();
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      if (this.alone) {
        await new Promise<void>((wake) => {
          this.#wake = wake;
          if (signal.aborted || !this.alone) wake();
        });
        continue;
      }
      await this.#read();
      await pause(this.#deps.clock, RETRY_MS, signal);
    }
  }

  async #read(): Promise<void> {
    this.#reading = new AbortController();
    const { signal } = this.#reading;
    if (this.#abort.signal.aborted) return;
    let chunks: AsyncIterable<LogChunk>;
    try {
      chunks = this.#deps.log.follow(this.#place, signal);
      for await (const chunk of chunks) {
        if (this.#abort.signal.aborted || this.alone || !(await this.#take(chunk))) return;
      }
    } catch (error) {
      if (!signal.aborted && !this.#abort.signal.aborted)
        this.#deps.warn(`following the log stopped (${messageOf(error)}); going on from where it was`, error);
    }
  }

  /** False when the log cannot be read any further. */
  async #take(chunk: LogChunk): Promise<boolean> {
    const { partition, seq } = chunk;
    if (seq <= this.#place) return true;
    try {
      if (chunk.by === 'claim') this.#claims.set(partition, seq);
      else if (chunk.by !== undefined && chunk.parkedUpTo !== undefined)
        this.#deps.looked(partition, chunk.by, chunk.parkedUpTo);
      const epoch = this.#owned.get(partition);
      if (epoch !== undefined) demandOurs(chunk, epoch);
      else if (seq > (this.#ours.get(partition) ?? 0))
        for (const logged of chunk.events()) {
          const applied = this.#deps.apply(logged, seq);
          if (applied) await applied;
        }
    } catch (error) {
      this.#end();
      this.#deps.broken(error);
      return false;
    }
    this.#place = seq;
    this.#passed();
    return true;
  }

  #passed(): void {
    if (this.#waiters.length === 0) return;
    const due = this.#waiters.filter(({ place }) => place <= this.#place || this.alone);
    if (due.length === 0) return;
    this.#waiters = this.#waiters.filter((waiter) => !due.includes(waiter));
    for (const { done } of due) done();
  }

  async #newest(): Promise<number> {
    for (;;) {
      try {
        return await this.#deps.log.end();
      } catch (error) {
        if (this.#abort.signal.aborted) throw error;
        await pause(this.#deps.clock, RETRY_MS, this.#abort.signal);
      }
    }
  }
}

const stopped = (): FollowerStoppedError => new FollowerStoppedError('the log is not followed any more');

function demandOurs({ by, seq, partition }: LogChunk, epoch: number): void {
  if (by === undefined || by === epoch || seq <= epoch) return;
  throw takenOver(partition, epoch, seq);
}

const takenOver = (partition: number, epoch: number, place: number): TakenOverError =>
  new TakenOverError(`partition ${partition} was claimed by somebody else`, {
    fields: { partition, epoch, place },
  });
