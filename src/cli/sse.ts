/** One event of a server-sent event stream (WHATWG HTML, "Server-sent events"). */
export interface SseEvent {
  /** The last id seen, as the standard has it: an event without one keeps its predecessor's. */
  readonly id: string | undefined;
  readonly event: string;
  readonly data: string;
  /** The server's wish for the pause before a reconnect. */
  readonly retryMs: number | undefined;
}

/** More than any event of ours: a server that never ends a line must not fill the memory. */
const MAX_EVENT_CHARS = 4_000_000;

/** Text of a stream, in any pieces, to its events. Comments (heartbeats) and events without data yield nothing. */
export class SseParser {
  #rest = '';
  #data: string[] = [];
  #size = 0;
  #event = '';
  #id: string | undefined;
  #retryMs: number | undefined;

  push(chunk: string): SseEvent[] {
    const text = this.#rest + chunk;
    // A "\r" at the very end may be half of "\r\n": it waits for the next piece.
    const lines = text.split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length + this.#size > MAX_EVENT_CHARS)
      throw new RangeError(`an event is larger than ${MAX_EVENT_CHARS} characters`);
    return lines.flatMap((line) => {
      if (line !== '') {
        this.#field(line);
        return [];
      }
      return this.#dispatch();
    });
  }

  #dispatch(): SseEvent[] {
    const data = this.#data.join('\n');
    const event = this.#event === '' ? 'message' : this.#event;
    const empty = this.#data.length === 0;
    this.#data = [];
    this.#size = 0;
    this.#event = '';
    return empty ? [] : [{ id: this.#id, event, data, retryMs: this.#retryMs }];
  }

  #field(line: string): void {
    const colon = line.indexOf(':');
    if (colon === 0) return;
    const name = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'data') {
      this.#data.push(value);
      this.#size += value.length;
    } else if (name === 'event') this.#event = value;
    else if (name === 'id' && !value.includes('\0')) this.#id = value;
    else if (name === 'retry' && /^\d+$/.test(value)) this.#retryMs = Number(value);
  }
}
