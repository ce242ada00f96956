/** Telemetry waiting for the connection; above this the oldest goes (product.md section 2). */
export const MAX_QUEUED_TELEMETRY = 1_000;

export interface Telemetry {
  readonly subject: string;
  readonly body: Uint8Array;
  /** For the count of drops. */
  readonly kind: 'frame' | 'progress';
}

/**
 * What may be lost and must be counted then: while the connection is away it waits here, the oldest goes first. Produced = published
 * + dropped + waiting, always.
 */
export class TelemetryQueue {
  readonly #isOpen: () => boolean;
  readonly #publish: (subject: string, body: Uint8Array) => void;
  readonly #dropped: (kind: Telemetry['kind']) => void;
  #waiting: Telemetry[] = [];
  /** Where the oldest stands: dropping one must not move a thousand. */
  #first = 0;

  constructor(
    isOpen: () => boolean,
    publish: (subject: string, body: Uint8Array) => void,
    dropped: (kind: Telemetry['kind']) => void,
  ) {
    this.#isOpen = isOpen;
    this.#publish = publish;
    this.#dropped = dropped;
  }

  get depth(): number {
    return this.#waiting.length - this.#first;
  }

  add(telemetry: Telemetry): void {
    this.#waiting.push(telemetry);
    if (this.#isOpen()) this.drain();
    else if (this.depth > MAX_QUEUED_TELEMETRY) this.#dropOldest();
  }

  #dropOldest(): void {
    const oldest = this.#waiting[this.#first++];
    if (oldest) this.#dropped(oldest.kind);
    if (this.#first < MAX_QUEUED_TELEMETRY) return;
    this.#waiting = this.#waiting.slice(this.#first);
    this.#first = 0;
  }

  /** What waits goes out, oldest first. */
  drain(): void {
    if (!this.#isOpen()) return;
    const waiting = this.#waiting.slice(this.#first);
    this.#waiting = [];
    this.#first = 0;
    for (const { subject, body } of waiting) this.#publish(subject, body);
  }
}
