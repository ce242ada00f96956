import { Hysteresis } from '../core/hysteresis.js';
import type { BacklogSample } from './ports.js';

export interface BackpressureVerdict {
  readonly reason: 'backlog' | 'stream_full';
  readonly retryAfterMs: number;
  /** Where a command accepted now would stand. */
  readonly queuePosition: number;
}

const MIN_RETRY_MS = 1_000;
const MAX_RETRY_MS = 30_000;

/**
 * Whether new commands may come in: refused at `high` of the backlog (accepted, not terminal) or when the stream is full, taken again
 * at half of that. Between two samples it counts what it has accepted itself, so a burst cannot run past the mark unseen.
 */
export class Backpressure {
  readonly #backlogBrake: Hysteresis;
  readonly #bytesBrake = new Hysteresis(0.95, 0.5);
  #sampled = 0;
  #acceptedSince = 0;
  #streamFull = false;
  /** Commands a message holds on average, of the envelopes this process has stored. */
  #itemsPerMessage = 1;
  #drainPerMs = 0;
  #sampledAtMs: number | undefined;

  constructor(options: { backlogMax: number; queueWatermark: number }) {
    const high = Math.max(2, Math.floor(options.backlogMax * options.queueWatermark));
    this.#backlogBrake = new Hysteresis(high, Math.floor(high / 2));
  }

  get backlog(): number {
    return this.#sampled + this.#acceptedSince;
  }

  sample(sample: BacklogSample, nowMs: number): void {
    // The worker counts commands exactly; without its word, and for what it parked before a restart, messages stand for them.
    const held = Math.max(sample.heldCommands ?? 0, sample.unackedMessages + sample.parkedBatches);
    const backlog = Math.round(sample.waitingMessages * this.#itemsPerMessage) + held;
    if (this.#sampledAtMs !== undefined && nowMs > this.#sampledAtMs) {
      const drained = this.#sampled + this.#acceptedSince - backlog;
      this.#drainPerMs = 0.8 * this.#drainPerMs + 0.2 * Math.max(0, drained / (nowMs - this.#sampledAtMs));
    }
    this.#sampledAtMs = nowMs;
    this.#sampled = backlog;
    this.#acceptedSince = 0;
    this.#backlogBrake.update(this.backlog);
    this.#bytesBrake.update(sample.streamMaxBytes > 0 ? sample.streamBytes / sample.streamMaxBytes : 0);
    if (!this.#bytesBrake.engaged || sample.streamBytes <= sample.streamMaxBytes / 2)
      this.#streamFull = false;
  }

  accepted(commands: number): void {
    this.#acceptedSince += commands;
    this.#itemsPerMessage = 0.95 * this.#itemsPerMessage + 0.05 * commands;
    this.#backlogBrake.update(this.backlog);
  }

  /** The stream itself has refused a message. */
  streamFull(): void {
    this.#streamFull = true;
    this.#bytesBrake.update(1);
  }

  verdict(): BackpressureVerdict | undefined {
    const full = this.#streamFull || this.#bytesBrake.engaged;
    if (!full && !this.#backlogBrake.engaged) return undefined;
    const excess = Math.max(1, this.backlog - this.#backlogBrake.low);
    const estimate = this.#drainPerMs > 0 ? excess / this.#drainPerMs : MAX_RETRY_MS;
    return {
      reason: full ? 'stream_full' : 'backlog',
      retryAfterMs: Math.round(Math.min(MAX_RETRY_MS, Math.max(MIN_RETRY_MS, estimate))),
      queuePosition: this.backlog + 1,
    };
  }
}
