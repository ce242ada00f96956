/** One stored message; `seq` counts over the whole stream. */
export interface Stored {
  readonly seq: number;
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  /** When it was stored, epoch ms of the server. */
  readonly tsMs: number;
}

/** The server's word on a request, with JetStream's own code. */
export class VerdictError extends Error {
  readonly errCode: number;

  constructor(errCode: number, description: string) {
    super(description);
    this.errCode = errCode;
  }
}

export const WRONG_LAST_SEQUENCE = 10_071;

export interface PublishOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly messageId?: string | undefined;
  /** Compare-and-set on the last sequence of the subject; 0: there is none yet. */
  readonly expectedLast?: number | undefined;
}

/** A JetStream stream as far as SPARK leans on it: one order, compare-and-set by subject, message ids remembered for a while. */
export class Stream {
  readonly name: string;
  readonly #now: () => number;
  readonly #windowMs: number;
  /** By sequence less one; undefined: purged. */
  readonly messages: (Stored | undefined)[] = [];
  readonly #lastOf = new Map<string, number>();
  readonly #ids = new Map<string, { readonly seq: number; readonly untilMs: number }>();
  #listeners: readonly ((message: Stored) => void)[] = [];

  constructor(name: string, now: () => number, windowMs: number) {
    this.name = name;
    this.#now = now;
    this.#windowMs = windowMs;
  }

  get lastSeq(): number {
    return this.messages.length;
  }

  lastOf(subject: string): Stored | undefined {
    return this.messages[(this.#lastOf.get(subject) ?? 0) - 1];
  }

  /** In the server's own order: the id is looked at first, then the expected sequence. */
  publish(
    subject: string,
    data: Uint8Array,
    options: PublishOptions = {},
  ): { seq: number; duplicate: boolean } {
    const { headers = {}, messageId, expectedLast } = options;
    const known = messageId === undefined ? undefined : this.#ids.get(messageId);
    if (known && known.untilMs > this.#now()) return { seq: known.seq, duplicate: true };
    const last = this.#lastOf.get(subject) ?? 0;
    if (expectedLast !== undefined && expectedLast !== last)
      throw new VerdictError(WRONG_LAST_SEQUENCE, `wrong last sequence: ${last}`);
    const message: Stored = { seq: this.messages.length + 1, subject, data, headers, tsMs: this.#now() };
    this.messages.push(message);
    this.#lastOf.set(subject, message.seq);
    if (messageId !== undefined)
      this.#ids.set(messageId, { seq: message.seq, untilMs: this.#now() + this.#windowMs });
    for (const listen of this.#listeners) listen(message);
    return { seq: message.seq, duplicate: false };
  }

  /** The next message after `seq`, of one subject when given. */
  next(seq: number, subject?: string): Stored | undefined {
    for (let at = seq; at < this.messages.length; at++) {
      const message = this.messages[at];
      if (message && (subject === undefined || message.subject === subject)) return message;
    }
    return undefined;
  }

  /** Drops the messages of a subject below `seq`. */
  purge(subject: string, seq: number): number {
    let purged = 0;
    for (let at = 0; at < Math.min(seq - 1, this.messages.length); at++) {
      if (this.messages[at]?.subject !== subject) continue;
      this.messages[at] = undefined;
      purged++;
    }
    return purged;
  }

  /** The duplicate window is gone, as after some restarts of a server. */
  forgetIds(): void {
    this.#ids.clear();
  }

  /** How many messages each subject has. */
  subjects(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const message of this.messages)
      if (message) counts[message.subject] = (counts[message.subject] ?? 0) + 1;
    return counts;
  }

  /** Told of each message as it is stored; the returned function ends that. */
  onStored(listen: (message: Stored) => void): () => void {
    this.#listeners = [...this.#listeners, listen];
    return () => {
      this.#listeners = this.#listeners.filter((other) => other !== listen);
    };
  }
}
