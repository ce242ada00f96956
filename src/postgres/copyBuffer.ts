import { SparkError } from '../core/errors.js';
import { copyBytes, SHORT_CHARS, writePlain, writeUuid } from './plainBytes.js';

/** Microseconds between 1970 and 2000, Postgres' epoch. */
const EPOCH_2000_MS = 946_684_800_000;
/** Years 1 to 9999: beyond it a time is a mistake of whoever wrote it. */
const MIN_TS_MS = -62_135_596_800_000;
const MAX_TS_MS = 253_402_300_799_999;
/** Most batches of a live projector fit into the first chunk. */
const FIRST_CHUNK_BYTES = 64 * 1_024;
/** Of a size that malloc takes from what was freed before: one buffer that doubles to 32 MB is new memory at every batch, page by page. */
const CHUNK_BYTES = 1_024 * 1_024;
const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
/** The format of jsonb begins with its version. */
const JSONB_VERSION = 1;
const OPEN_OBJECT = 0x7b;
const COMMA = 0x2c;
const CLOSE_OBJECT = 0x7d;

/** Parts of `bytes`: begin and end of each, in turn. */
interface Pieces {
  readonly bytes: Uint8Array;
  readonly bounds: readonly number[];
}

/** `rows`: how many begin in it or before. */
interface FullChunk {
  readonly buffer: Buffer;
  readonly length: number;
  readonly rows: number;
}

/** A value that its column cannot hold. */
export class UnencodableError extends SparkError {
  readonly code = 'unencodable';
}

/**
 * Rows in the binary format of COPY (https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format"): `row(n)`, then n values in
 * the order of the columns. Every value is preceded by its length in bytes, -1 for null. They lie in chunks of memory, no row in two.
 */
export class CopyBuffer {
  #buffer: Buffer = Buffer.allocUnsafeSlow(FIRST_CHUNK_BYTES);
  /** Of the same bytes: V8 writes through it in one instruction, `Buffer.writeInt32BE` byte by byte with checks of its own. */
  #view = viewOf(this.#buffer);
  #at = 0;
  /** Where the row under way begins. */
  #rowAt: number;
  readonly #full: FullChunk[] = [];
  /** Where each row begins in its chunk. */
  readonly #starts: number[] = [];

  constructor() {
    this.#at = SIGNATURE.copy(this.#buffer);
    this.#rowAt = this.#at;
  }

  get rows(): number {
    return this.#starts.length;
  }

  /** The rows in two buffers, each in the order of this one; those that `isFirst` takes (by their number, from 0) in the first. */
  split(isFirst: (row: number) => boolean): [first: CopyBuffer, second: CopyBuffer] {
    const parts: [CopyBuffer, CopyBuffer] = [new CopyBuffer(), new CopyBuffer()];
    let row = 0;
    for (const { buffer, length, rows } of [...this.#full, this.#last()]) {
      for (; row < rows; row++) {
        const end = row + 1 < rows ? this.#starts[row + 1] : length;
        parts[isFirst(row) ? 0 : 1].#append(buffer.subarray(this.#starts[row], end));
      }
    }
    return parts;
  }

  /** Everything written, with the trailer, in pieces; the buffer must not be written to afterwards. */
  finish(): readonly Buffer[] {
    this.#need(2);
    this.#int16(-1);
    return [...this.#full, this.#last()].map(({ buffer, length }) => buffer.subarray(0, length));
  }

  row(columns: number): void {
    this.#rowAt = this.#at;
    this.#need(2);
    this.#starts.push(this.#at);
    this.#int16(columns);
  }

  null(): void {
    this.#need(4);
    this.#int32(-1);
  }

  bool(value: boolean): void {
    this.#length(1);
    this.#buffer[this.#at++] = value ? 1 : 0;
  }

  int2(value: number): void {
    this.#length(2);
    this.#int16(integer(value, 32_767));
  }

  int4(value: number | null): void {
    if (value === null) {
      this.null();
      return;
    }
    this.#length(4);
    this.#int32(integer(value, 2_147_483_647));
  }

  int8(value: number): void {
    this.#length(8);
    this.#int64(integer(value, Number.MAX_SAFE_INTEGER));
  }

  float8(value: number | null): void {
    if (value === null) {
      this.null();
      return;
    }
    if (typeof value !== 'number') throw new UnencodableError(`not a number: ${String(value)}`);
    this.#length(8);
    this.#view.setFloat64(this.#at, value);
    this.#at += 8;
  }

  /** Epoch milliseconds; fractions count down to the microsecond. */
  timestamptz(ms: number | null): void {
    if (ms === null) {
      this.null();
      return;
    }
    if (!(ms >= MIN_TS_MS && ms <= MAX_TS_MS)) throw new UnencodableError(`not a time: ${String(ms)}`);
    this.#length(8);
    this.#int64(postgresMicros(ms));
  }

  /** 36 characters with dashes. */
  uuid(value: string | null): void {
    if (value === null) {
      this.null();
      return;
    }
    this.#length(16);
    if (typeof value !== 'string' || !writeUuid(this.#buffer, this.#at, value))
      throw new UnencodableError(`not a UUID: ${value}`);
    this.#at += 16;
  }

  /** Postgres has no NUL in text: it becomes U+FFFD, and a lone surrogate does too. */
  text(value: string | null): void {
    if (value === null) {
      this.null();
      return;
    }
    if (typeof value !== 'string') throw new UnencodableError(`not a text: ${String(value)}`);
    if (value.length <= SHORT_CHARS && this.#plain(value)) return;
    this.#utf8(value.includes('\0') ? value.replaceAll('\0', '\ufffd') : value, 0);
  }

  /** A JSON text for a jsonb column. */
  jsonb(json: string | null): void {
    if (json === null) {
      this.null();
      return;
    }
    this.#utf8(json, JSONB_VERSION);
  }

  /** For a jsonb column: JSON text as it lies in one piece of bytes, in UTF-8 and such as jsonb takes. */
  jsonbValue({ bytes, bounds: [from = 0, end = 0] }: Pieces): void {
    this.#need(5 + end - from);
    this.#int32(1 + end - from);
    this.#buffer[this.#at++] = JSONB_VERSION;
    this.#copy(bytes, from, end);
  }

  /** For a json column: an object whose members lie in pieces. */
  jsonObject({ bytes, bounds }: Pieces): void {
    let length = 2 + Math.max(0, bounds.length / 2 - 1);
    for (let i = 0; i < bounds.length; i += 2) length += (bounds[i + 1] as number) - (bounds[i] as number);
    this.#need(4 + length);
    this.#int32(length);
    this.#buffer[this.#at++] = OPEN_OBJECT;
    for (let i = 0; i < bounds.length; i += 2) {
      if (i > 0) this.#buffer[this.#at++] = COMMA;
      this.#copy(bytes, bounds[i] as number, bounds[i + 1] as number);
    }
    this.#buffer[this.#at++] = CLOSE_OBJECT;
  }

  bytea(value: Uint8Array): void {
    this.#need(4 + value.length);
    this.#int32(value.length);
    this.#buffer.set(value, this.#at);
    this.#at += value.length;
  }

  #append(row: Uint8Array): void {
    this.#rowAt = this.#at;
    this.#need(row.length);
    this.#starts.push(this.#at);
    this.#buffer.set(row, this.#at);
    this.#at += row.length;
  }

  /** What lies in `bytes` from `from` to `end`; there is room for it. */
  #copy(bytes: Uint8Array, from: number, end: number): void {
    copyBytes(this.#buffer, this.#at, bytes, from, end);
    this.#at += end - from;
  }

  /** A text after its length, if it is plain (`writePlain`); else nothing is written, and the answer is false. */
  #plain(value: string): boolean {
    this.#need(4 + value.length);
    if (!writePlain(this.#buffer, this.#at + 4, value)) return false;
    this.#int32(value.length);
    this.#at += value.length;
    return true;
  }

  /** UTF-8 after its length, with the format's version byte in front where it has one (jsonb). */
  #utf8(value: string, version: 0 | typeof JSONB_VERSION): void {
    // A UTF-16 unit never takes more than three bytes.
    this.#need(5 + value.length * 3);
    const lengthAt = this.#at;
    const start = lengthAt + 4;
    if (version > 0) this.#buffer[start] = version;
    const written = version + this.#buffer.write(value, start + version, 'utf8');
    this.#view.setInt32(lengthAt, written);
    this.#at = start + written;
  }

  #int16(value: number): void {
    this.#view.setInt16(this.#at, value);
    this.#at += 2;
  }

  #int32(value: number): void {
    this.#view.setInt32(this.#at, value);
    this.#at += 4;
  }

  #int64(value: number): void {
    const high = Math.floor(value / 4_294_967_296);
    this.#view.setInt32(this.#at, high);
    this.#view.setUint32(this.#at + 4, value - high * 4_294_967_296);
    this.#at += 8;
  }

  #length(bytes: number): void {
    this.#need(4 + bytes);
    this.#int32(bytes);
  }

  #need(bytes: number): void {
    if (this.#at + bytes > this.#buffer.length) this.#turnOver(bytes);
  }

  /** Goes on in another chunk, which takes the row under way along. */
  #turnOver(bytes: number): void {
    const { length } = this.#starts;
    const begun = this.#at - this.#rowAt;
    const next = Buffer.allocUnsafeSlow(Math.max(CHUNK_BYTES, begun + bytes));
    this.#buffer.copy(next, 0, this.#rowAt, this.#at);
    const rows = begun > 0 && length > 0 ? length - 1 : length;
    this.#full.push({ buffer: this.#buffer, length: this.#rowAt, rows });
    if (rows < length) this.#starts[rows] = 0;
    this.#buffer = next;
    this.#view = viewOf(next);
    this.#at = begun;
    this.#rowAt = 0;
  }

  #last(): FullChunk {
    return { buffer: this.#buffer, length: this.#at, rows: this.#starts.length };
  }
}

const viewOf = (of: Buffer): DataView => new DataView(of.buffer, of.byteOffset, of.length);

function integer(value: number, max: number): number {
  if (!Number.isInteger(value) || Math.abs(value) > max)
    throw new UnencodableError(`not an integer up to ${max}: ${String(value)}`);
  return value;
}

/** What a `timestamptz` holds: whole microseconds since 2000. `ms` are epoch milliseconds. */
export function postgresMicros(ms: number): number {
  return Math.round((ms - EPOCH_2000_MS) * 1_000);
}
