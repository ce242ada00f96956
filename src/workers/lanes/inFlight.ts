import type { Delivery, Inbound } from '../ports.js';

/** One item of a delivery: settled once; the last of its message acknowledges the message. */
export interface TrackedItem {
  readonly delivery: Delivery;
  readonly index: number;
  settle(): void;
}

/**
 * Deliveries that are not acknowledged yet: how many commands are in flight (what the watermark looks at), and the heartbeat that
 * keeps the server from delivering them to somebody else.
 */
export class InFlight {
  readonly #deliveries = new Map<string, { delivery: Delivery; open: Set<number> }>();
  readonly #onChange: () => void;
  #commands = 0;
  #aside = 0;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  get commands(): number {
    return this.#commands;
  }

  /** What counts against the watermark: not what is detached, which may go on for half an hour and occupies nothing. */
  get load(): number {
    return Math.max(0, this.#commands - this.#aside);
  }

  /** Messages of a partition that are not acknowledged. */
  messagesOf(partition: number): number {
    return [...this.#deliveries.values()].filter(({ delivery }) => delivery.partition === partition).length;
  }

  /** One more, or one less, goes on by itself. */
  detached(change: 1 | -1): void {
    this.#aside += change;
    this.#onChange();
  }

  /** Takes a delivery; one that was held already (a redelivery after a reset) takes the place of the old. */
  track(delivery: Delivery): TrackedItem[] {
    const key = `${delivery.partition}:${delivery.seq}`;
    this.#commands -= this.#deliveries.get(key)?.open.size ?? 0;
    const entry = { delivery, open: new Set(delivery.items.keys()) };
    this.#deliveries.set(key, entry);
    this.#commands += entry.open.size;
    return delivery.items.map((_, index) => ({ delivery, index, settle: () => this.#settle(key, index) }));
  }

  /** The server's word on what is ours may be lost; this renews it for everything we hold. */
  heartbeat(): void {
    for (const { delivery } of this.#deliveries.values()) delivery.working();
  }

  /** Forgets everything without acknowledging: the next owner gets it. */
  clear(): void {
    this.#deliveries.clear();
    this.#commands = 0;
    this.#aside = 0;
  }

  /** As `clear`, for one partition. */
  forget(partition: number): void {
    for (const [key, { delivery, open }] of this.#deliveries) {
      if (delivery.partition !== partition) continue;
      this.#deliveries.delete(key);
      this.#commands -= open.size;
    }
    this.#onChange();
  }

  /** Looks the delivery up by its place, so that an item taken from an earlier delivery acknowledges the one that counts now. */
  #settle(key: string, index: number): void {
    const entry = this.#deliveries.get(key);
    if (!entry?.open.delete(index)) return;
    this.#commands--;
    if (entry.open.size === 0) {
      this.#deliveries.delete(key);
      entry.delivery.ack();
    }
    this.#onChange();
  }
}

/** When what was delivered had been accepted, epoch ms. */
export const acceptedAtOf = (inbound: Inbound): number =>
  Date.parse(inbound.kind === 'command' ? inbound.command.acceptedAt : inbound.acceptedAt);
