import { isUtf8 } from 'node:buffer';
import { EVENT_VERSION } from './event.js';

/**
 * JSON text as it lies in a log message, and as `JSON.stringify` writes what it says. `bounds` are begin and end of each piece, in turn.
 */
export interface TextPieces {
  readonly bytes: Uint8Array;
  readonly bounds: readonly number[];
}

/** What rows keep of an event as jsonb. */
export interface EventText {
  /** The event without the members that have a column of their own: each piece holds members, without the brace or comma around them. */
  readonly rest: TextPieces;
  /** Its `result`, one piece; null where it is no object. */
  readonly result: TextPieces | null;
  /** The same of its `error`. */
  readonly error: TextPieces | null;
}

const SPACE = 0x20;
const QUOTE = 0x22;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const POINT = 0x2e;
const SLASH = 0x2f;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const UPPER_E = 0x45;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const LOWER_E = 0x65;
const LOWER_U = 0x75;
const LOWER_V = 0x76;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

const HEAD = Buffer.from('{"v":1,"events":[');
const EVENT_HEAD = Buffer.from(`{"v":${EVENT_VERSION},`);
/** Numbers of at most so many digits, without an exponent, are read and written again without loss. */
const EXACT_DIGITS = 15;
/** Members of an event that have a column of their own (projections/events/rows.ts). */
const OWN = ['eventId', 'commandId', 'type', 'sessionId'].map((key) => Buffer.from(key));
const RESULT = Buffer.from('result');
const ERROR = Buffer.from('error');
const NONE: readonly number[] = [];

/**
 * The texts of a message's events, in order; undefined for an event whose text is not what `JSON.stringify` makes of what `JSON.parse` reads in it
 * (white space, an escape that Postgres refuses, a number that is rounded): of a member that is there twice both stay. Undefined as a whole for a message that is not as
 * `encodeLogMessage` writes it. `data` must be what `JSON.parse` has taken: only where a value ends is looked for, not whether it is one.
 */
export function eventTextsOf(data: Uint8Array): readonly (EventText | undefined)[] | undefined {
  return isUtf8(data) ? new Scan(data).events() : undefined;
}

/** One pass over a message. Steps take the place they begin at, and answer the one behind what they have passed. */
class Scan {
  readonly #bytes: Uint8Array;
  /** Something in the event under way would become something else. */
  #odd = false;
  /** Its pieces so far. */
  readonly #rest: number[] = [];
  #result: readonly number[] = NONE;
  #error: readonly number[] = NONE;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  events(): (EventText | undefined)[] | undefined {
    const bytes = this.#bytes;
    if (!this.#has(HEAD, 0)) return undefined;
    const texts: (EventText | undefined)[] = [];
    let at = HEAD.length;
    while (bytes[at] === OPEN_OBJECT) {
      // Of another version, it is not this text that a row shows.
      this.#odd = !this.#has(EVENT_HEAD, at);
      this.#rest.length = 0;
      this.#result = NONE;
      this.#error = NONE;
      at = this.#members(at + 1);
      if (at === 0) return undefined;
      texts.push(this.#odd ? undefined : this.#text());
      if (bytes[at] === COMMA) at++;
    }
    // Behind a list that is not all of the message another one may lie, which would be the one that counts.
    const isLast = bytes[at] === CLOSE_LIST && bytes[at + 1] === CLOSE_OBJECT && at + 2 === bytes.length;
    return isLast ? texts : undefined;
  }

  /** An event from behind its first brace; 0 when it is not as we write it. */
  #members(from: number): number {
    const bytes = this.#bytes;
    const rest = this.#rest;
    let at = from;
    while (bytes[at] === QUOTE) {
      const keyEnd = this.#string(at + 1);
      if (bytes[keyEnd] !== COLON) return 0;
      const end = this.#value(keyEnd + 1);
      if (!this.#isOneOf(OWN, at + 1, keyEnd - 1)) {
        // A second one would be the one that counts.
        if (keyEnd - at === 3 && bytes[at + 1] === LOWER_V && at > from) this.#odd = true;
        // Neighbours are one piece, with the comma between them.
        if (rest.length > 0 && rest[rest.length - 1] === at - 1) rest[rest.length - 1] = end;
        else rest.push(at, end);
        if (this.#is(RESULT, at + 1, keyEnd - 1)) this.#result = [keyEnd + 1, end];
        else if (this.#is(ERROR, at + 1, keyEnd - 1)) this.#error = [keyEnd + 1, end];
      }
      if (bytes[end] === CLOSE_OBJECT) return end + 1;
      if (bytes[end] !== COMMA) return 0;
      at = end + 1;
    }
    return 0;
  }

  /** Of the event that was passed last; arrays of exactly its pieces, because some are held until the batch ends. */
  #text(): EventText {
    const rest = { bytes: this.#bytes, bounds: this.#rest.slice() };
    return { rest, result: this.#object(this.#result), error: this.#object(this.#error) };
  }

  #object(bounds: readonly number[]): TextPieces | null {
    const [from] = bounds;
    return from !== undefined && this.#bytes[from] === OPEN_OBJECT ? { bytes: this.#bytes, bounds } : null;
  }

  #isOneOf(keys: readonly Uint8Array[], from: number, end: number): boolean {
    for (const key of keys) if (this.#is(key, from, end)) return true;
    return false;
  }

  #is(key: Uint8Array, from: number, end: number): boolean {
    return key.length === end - from && this.#has(key, from);
  }

  #has(key: Uint8Array, from: number): boolean {
    for (let i = 0; i < key.length; i++) if (this.#bytes[from + i] !== key[i]) return false;
    return true;
  }

  #value(from: number): number {
    const bytes = this.#bytes;
    let depth = 0;
    let at = from;
    while (at < bytes.length) {
      const byte = bytes[at] as number;
      if (byte === QUOTE) at = this.#string(at + 1);
      else if (byte === MINUS || (byte >= ZERO && byte <= NINE)) at = this.#number(at);
      else if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
        depth++;
        at++;
        continue;
      } else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
        if (depth === 0) return at;
        depth--;
        at++;
      } else if (byte === COMMA && depth === 0) return at;
      else {
        // a comma or colon inside, a letter of true, false or null; or white space, which is not ours
        if (byte <= SPACE) this.#odd = true;
        at++;
        continue;
      }
      if (depth === 0) return at;
    }
    return at;
  }

  /** From behind the first quote to behind the last. */
  #string(from: number): number {
    const bytes = this.#bytes;
    let at = from;
    while (at < bytes.length) {
      const byte = bytes[at++];
      if (byte === QUOTE) return at;
      if (byte !== BACKSLASH) continue;
      // Of `\u`, jsonb refuses some; `JSON.stringify` writes it for control characters alone, and a slash without a backslash.
      const escaped = bytes[at++];
      if (escaped === LOWER_U || escaped === SLASH) this.#odd = true;
    }
    return at;
  }

  #number(from: number): number {
    const bytes = this.#bytes;
    let at = from;
    let pointAt = 0;
    let plain = true;
    for (; ; at++) {
      const byte = bytes[at] as number;
      if (byte >= ZERO && byte <= NINE) continue;
      if (byte === POINT) pointAt = at;
      else if (byte === MINUS || byte === PLUS || byte === LOWER_E || byte === UPPER_E) plain = false;
      else break;
    }
    // Nothing below a millionth is written without an exponent.
    const isSmall = bytes[from] === ZERO && at - pointAt > 7;
    if (pointAt > 0 && (bytes[at - 1] === ZERO || isSmall)) plain = false;
    if (!plain || at - from > EXACT_DIGITS) this.#odd ||= !isAsWritten(bytes, from, at);
    return at;
  }
}

/** Whether a number stands there as `JSON.stringify` writes it. */
function isAsWritten(bytes: Uint8Array, from: number, end: number): boolean {
  let text = '';
  for (let i = from; i < end; i++) text += String.fromCharCode(bytes[i] as number);
  return String(Number(text)) === text;
}
