import type { Clock } from '../../core/clock.js';
import { Hysteresis } from '../../core/hysteresis.js';

/** Stops pulling at the watermark of what may be in flight, and lets it go on at half of that. */
export class Brake {
  readonly #clock: Clock;
  readonly #watermark: number;
  readonly #marks: Hysteresis;
  readonly #paused: (paused: boolean) => void;
  #sinceMs: number | undefined;
  /** It was engaged since the pace was looked at last. */
  #touched = false;
  #waiting: (() => void)[] = [];

  constructor(options: {
    readonly clock: Clock;
    readonly maxInflight: number;
    readonly watermark: number;
    readonly paused: (paused: boolean) => void;
  }) {
    this.#clock = options.clock;
    this.#watermark = options.watermark;
    this.#paused = options.paused;
    const { high, low } = marksOf(options.maxInflight, options.watermark);
    this.#marks = new Hysteresis(high, low);
  }

  get marks(): Hysteresis {
    return this.#marks;
  }

  get engaged(): boolean {
    return this.#marks.engaged;
  }

  get high(): number {
    return this.#marks.high;
  }

  /** For how long without a break. */
  blockedMs(): number {
    return this.#sinceMs === undefined ? 0 : this.#clock.monotonicMs() - this.#sinceMs;
  }

  /** Whether it held anybody back since this was asked last. */
  wasTouched(): boolean {
    const touched = this.#touched || this.engaged;
    this.#touched = false;
    return touched;
  }

  update(load: number): void {
    const before = this.#marks.engaged;
    const now = this.#marks.update(load);
    if (now) {
      this.#touched = true;
      this.#sinceMs ??= this.#clock.monotonicMs();
    } else this.#sinceMs = undefined;
    if (before === now) return;
    this.#paused(now);
    if (!now) for (const go of this.#waiting.splice(0)) go();
  }

  /** Another limit holds from now on, with this load. */
  retune(limit: number, load: number): void {
    const { high, low } = marksOf(limit, this.#watermark);
    if (high === this.#marks.high) return;
    this.#marks.retune(high, low);
    this.update(load);
  }

  /** Waits until it is off, or for the abort. */
  async released(signal: AbortSignal): Promise<void> {
    while (this.engaged && !signal.aborted)
      await new Promise<void>((resolve) => {
        const go = () => {
          signal.removeEventListener('abort', go);
          resolve();
        };
        this.#waiting.push(go);
        signal.addEventListener('abort', go, { once: true });
      });
  }
}

/** Pulling stops at the watermark of the limit and goes on at half of that. */
function marksOf(limit: number, watermark: number): { high: number; low: number } {
  const high = Math.max(2, Math.floor(limit * watermark));
  return { high, low: Math.floor(high / 2) };
}
