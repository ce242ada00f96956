import type { Random } from './random.js';
import type { Trace } from './trace.js';

/** Who an event happens to: a process that may be stopped or dead by then. */
export interface Subject {
  /** True: take it now. False: it is kept for later by the subject, or nobody will ever see it. */
  accepts(event: () => void): boolean;
}

export interface Timer {
  cancel(): void;
}

/** What is to happen, and the handle by which it is taken back: one object, since a seed makes some hundred of them. */
class Entry implements Timer {
  readonly atMs: number;
  readonly order: number;
  readonly subject: Subject | null;
  run: (() => void) | null;

  constructor(atMs: number, order: number, subject: Subject | null, run: () => void) {
    this.atMs = atMs;
    this.order = order;
    this.subject = subject;
    this.run = run;
  }

  cancel(): void {
    this.run = null;
  }
}

const settled = Promise.resolve();

/** It went on for longer than any seed may: something waits for ever, or goes round in circles. */
export class StuckError extends Error {}

/**
 * Virtual time and one queue of events. An event runs, then every promise that follows from it, then the next event: so the order of
 * everything is the order of this queue, and that is a matter of the seed alone.
 */
export class Kernel {
  readonly random: Random;
  readonly trace: Trace;
  /** Since the seed began. */
  nowMs = 0;
  /** Who runs just now; null: the world itself. */
  current: Subject | null = null;
  events = 0;
  #heap: Entry[] = [];
  #order = 0;

  constructor(random: Random, trace: Trace) {
    this.random = random;
    this.trace = trace;
  }

  after(delayMs: number, run: () => void, subject: Subject | null = null): Timer {
    const entry = new Entry(this.nowMs + Math.max(0, delayMs), this.#order++, subject, run);
    this.#push(entry);
    return entry;
  }

  /** Runs until `done` says so, nothing is left to happen, or the limit is reached (`StuckError`). */
  run(done: () => boolean, limits: { readonly untilMs: number; readonly events: number }): Promise<void> {
    return new Promise((resolve, reject) => {
      // A tick, its promises to the last, the next tick: what Node does between macrotasks, without the way through the event loop.
      const again = (): void => process.nextTick(turn);
      const turn = (): void => {
        try {
          if (done() || !this.#step(limits)) resolve();
          else void settled.then(again);
        } catch (error) {
          reject(error);
        }
      };
      again();
    });
  }

  #step(limits: { readonly untilMs: number; readonly events: number }): boolean {
    for (;;) {
      const entry = this.#pop();
      if (!entry) return false;
      const { run, subject } = entry;
      if (run === null) continue;
      if (entry.atMs > limits.untilMs || this.events > limits.events)
        throw new StuckError(`still not quiet at ${entry.atMs} ms, after ${this.events} events`);
      this.nowMs = entry.atMs;
      if (subject && !subject.accepts(run)) continue;
      this.events++;
      this.current = subject;
      run();
      return true;
    }
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above] as Entry;
      if (!isBefore(entry, parent)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = entry;
  }

  #pop(): Entry | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && isBefore(heap[below + 1] as Entry, heap[below] as Entry)) below++;
      if (!isBefore(heap[below] as Entry, last)) break;
      heap[at] = heap[below] as Entry;
      at = below;
    }
    heap[at] = last;
    return first;
  }
}

const isBefore = (left: Entry, right: Entry): boolean =>
  left.atMs < right.atMs || (left.atMs === right.atMs && left.order < right.order);
