/** What a rebuild is doing. */
export type RebuildPhase = 'emptying' | 'folding' | 'indexing' | 'catching_up' | 'flipping';

export interface RebuildProgress {
  readonly phase: RebuildPhase;
  /** Of the log's messages up to where it is to come, 0 to 100. */
  readonly percent: number;
  readonly events: number;
  /** Over the last seconds; 0 until something is known. */
  readonly eventsPerS: number;
  /** Null until something is known. */
  readonly etaMs: number | null;
}

interface Sample {
  readonly atMs: number;
  readonly streamSeq: number;
  readonly events: number;
}

/** Rates are of this much of the past: long enough for one slow batch, short enough to follow a change. */
const WINDOW_MS = 10_000;

/** How fast and how far, from what the batches tell. Time is an argument: monotonic milliseconds. */
export class Meter {
  readonly #samples: Sample[];
  readonly #fromStreamSeq: number;
  #phase: RebuildPhase = 'folding';
  #target: number;
  #events = 0;

  /** From the message after `fromStreamSeq` up to `untilStreamSeq`. */
  constructor(nowMs: number, fromStreamSeq: number, untilStreamSeq: number) {
    this.#fromStreamSeq = fromStreamSeq;
    this.#target = untilStreamSeq;
    this.#samples = [{ atMs: nowMs, streamSeq: fromStreamSeq, events: 0 }];
  }

  enter(phase: RebuildPhase): void {
    this.#phase = phase;
  }

  /** The end has moved on. */
  aim(untilStreamSeq: number): void {
    this.#target = Math.max(this.#target, untilStreamSeq);
  }

  /** So many more events are folded, up to this message. */
  add(nowMs: number, streamSeq: number, events: number): void {
    this.#events += events;
    this.#samples.push({ atMs: nowMs, streamSeq, events: this.#events });
    // The oldest stays for as long as the one after it does not reach back far enough.
    while ((this.#samples[1]?.atMs ?? nowMs) <= nowMs - WINDOW_MS) this.#samples.shift();
  }

  now(): RebuildProgress {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    const streamSeq = last?.streamSeq ?? this.#fromStreamSeq;
    const all = this.#target - this.#fromStreamSeq;
    const left = Math.max(0, this.#target - streamSeq);
    const tookMs = (last?.atMs ?? 0) - (first?.atMs ?? 0);
    const messages = streamSeq - (first?.streamSeq ?? 0);
    const events = (last?.events ?? 0) - (first?.events ?? 0);
    return {
      phase: this.#phase,
      percent: all <= 0 ? 100 : Math.min(100, (100 * (all - left)) / all),
      events: this.#events,
      eventsPerS: tookMs > 0 ? (events * 1_000) / tookMs : 0,
      etaMs: left === 0 ? 0 : messages > 0 && tookMs > 0 ? (left * tookMs) / messages : null,
    };
  }
}
