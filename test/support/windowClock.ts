import { type Clock, systemClock } from '../../src/core/clock.js';
import { HTTP_LIMITS } from '../../src/http/limits.js';

/** The system's clock, but the windows in which a body must move pass when the test says so. */
export class WindowClock implements Clock {
  readonly nowMs = systemClock.nowMs;
  readonly monotonicMs = systemClock.monotonicMs;
  #windows: (() => void)[] = [];
  #watchers: (() => void)[] = [];

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (ms !== HTTP_LIMITS.paceWindowMs) return systemClock.sleep(ms, signal);
    return new Promise((resolve, reject) => {
      this.#windows.push(resolve);
      for (const watcher of this.#watchers.splice(0)) watcher();
      signal?.addEventListener(
        'abort',
        () => {
          this.#windows = this.#windows.filter((other) => other !== resolve);
          reject(signal.reason);
        },
        { once: true },
      );
    });
  }

  /** Resolves as soon as so many bodies are being watched. */
  async waiting(bodies: number): Promise<void> {
    while (this.#windows.length < bodies) await new Promise<void>((resolve) => this.#watchers.push(resolve));
  }

  /** The window of all that are being watched is over. */
  pass(): void {
    for (const end of this.#windows.splice(0)) end();
  }
}
