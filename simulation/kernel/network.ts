import type { Kernel } from './kernel.js';
import type { Process } from './process.js';

/** What the network does to one message. */
export type Fate = { readonly kind: 'arrives'; readonly afterMs: number } | { readonly kind: 'lost' };

/** Nobody answered in time: the request may have arrived or not. */
export class RequestTimeoutError extends Error {
  override readonly name = 'TimeoutError';
}

const USUAL_MS = { from: 1, to: 4 };
const onTime = (): number => 0;

/** Between processes and servers: everything takes its time, and while faults are on some of it is late or lost. */
export class Network {
  readonly kernel: Kernel;
  /** Share of messages that are lost, and that are late, while the fault lasts. */
  lossRate = 0;
  delayRate = 0;
  /** How late the late ones are at most. */
  maxDelayMs = 0;
  /** So many calls more are held up on their way, while the fault lasts: each may come long after its sender has given it up. */
  lateCalls = 0;
  maxLateMs = 0;
  /** When the last of them comes. */
  lateUntilMs = 0;
  readonly #cutUntilMs = new Map<Process, number>();
  #downUntilMs = 0;
  /** Messages to one process do not overtake each other on its connection. */
  readonly #lastArrivalMs = new Map<Process, number>();

  constructor(kernel: Kernel) {
    this.kernel = kernel;
  }

  /** The connection of one process is gone until then. */
  cut(process: Process, untilMs: number): void {
    this.#cutUntilMs.set(process, untilMs);
  }

  /** The server itself is away until then. */
  down(untilMs: number): void {
    this.#downUntilMs = untilMs;
  }

  /** Nothing is lost or late any more. */
  heal(): void {
    this.lossRate = this.delayRate = this.lateCalls = this.#downUntilMs = 0;
    this.#cutUntilMs.clear();
  }

  isCut(process: Process): boolean {
    const { nowMs } = this.kernel;
    return nowMs < this.#downUntilMs || nowMs < (this.#cutUntilMs.get(process) ?? 0);
  }

  /** One message from or to a process. */
  fate(process: Process): Fate {
    if (this.isCut(process)) return { kind: 'lost' };
    const { random } = this.kernel;
    if (this.lossRate > 0 && random.chance(this.lossRate)) return { kind: 'lost' };
    const late = this.delayRate > 0 && random.chance(this.delayRate);
    const afterMs = late ? random.between(5, this.maxDelayMs) : random.between(USUAL_MS.from, USUAL_MS.to);
    return { kind: 'arrives', afterMs };
  }

  /** When a message that takes `afterMs` reaches the process, behind everything that was sent to it before. */
  inOrder(process: Process, afterMs: number): number {
    const { nowMs } = this.kernel;
    const arrivalMs = Math.max(nowMs + afterMs, this.#lastArrivalMs.get(process) ?? 0);
    this.#lastArrivalMs.set(process, arrivalMs);
    return arrivalMs - nowMs;
  }

  /**
   * A request: `serve` runs at the server when the message arrives there, whatever has become of the asker; its answer travels back.
   * Rejects with `RequestTimeoutError` when either is lost. A process that is stopped sends when it goes on; a dead one sends nothing.
   */
  request<T>(
    process: Process,
    timeoutMs: number,
    serve: () => T | Promise<T>,
    lateMs: () => number = onTime,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const send = (): void => {
        const timer = process.after(timeoutMs, () => reject(new RequestTimeoutError('no answer in time')));
        const answer = (give: () => void): void => {
          const back = this.fate(process);
          if (back.kind === 'lost') return;
          process.after(back.afterMs, () => {
            timer.cancel();
            give();
          });
        };
        const out = this.fate(process);
        if (out.kind === 'lost') return;
        this.kernel.after(out.afterMs + lateMs(), () => {
          try {
            const served = serve();
            if (served instanceof Promise)
              served.then(
                (value) => answer(() => resolve(value)),
                (error) => answer(() => reject(error)),
              );
            else answer(() => resolve(served));
          } catch (error) {
            answer(() => reject(error));
          }
        });
      };
      if (process.accepts(send)) send();
    });
  }

  /** How late a call comes: for `request`, of what may be held up. */
  callLateMs(): number {
    const { random, nowMs } = this.kernel;
    if (this.lateCalls === 0 || random.chance(0.5)) return 0;
    this.lateCalls--;
    const lateMs = random.between(200, this.maxLateMs);
    this.lateUntilMs = Math.max(this.lateUntilMs, nowMs + lateMs + USUAL_MS.to);
    return lateMs;
  }

  /** A message nobody answers. */
  send(process: Process, arrive: () => void): void {
    const send = (): void => {
      const out = this.fate(process);
      if (out.kind === 'arrives') this.kernel.after(out.afterMs, arrive);
    };
    if (process.accepts(send)) send();
  }
}
