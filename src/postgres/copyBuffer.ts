import { SparkError } from '../core/errors.js';

/** Microseconds between 1970 and 2000, Postgres' epoch. */
const EPOCH_2000_MS = 946_684_800_000;
/** Years 1 to 9999: beyond it a time is a mistake of whoever wrote it. */
const MIN_TS_MS = -62_135_596_800_000;
const MAX_TS_MS = 253_402_300_799_999;
const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
const INITIAL_BYTES = 64 * 1_024;
const HEX = new Int8Array(128).fill(-1);
for (let i = 0; i < 16; i++) {
  HEX[i.toString(16).charCodeAt(0)] = i;
  HEX[i.toString(16).toUpperCase().charCodeAt(0)] = i;
}

/** A value that its column cannot hold. */
export class UnencodableError extends SparkError {
  readonly code = 'unencodable';
}

/**
 * Rows in the binary format of COPY (https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format"), written into one
 * growing buffer: `row(n)`, then n values in the order of the columns. Every value is preceded by its length in bytes, -1 for null.
 */
export class CopyBuffer {
  #buffer: Buffer = Buffer.allocUnsafe(INITIAL_BYTES);
  #at = 0;
  /** Where each row begins. */
  readonly #starts: number[] = [];

  constructor() {
    this.#at = SIGNATURE.copy(this.#buffer);
  }

  get rows(): number {
    return this.#starts.length;
  }

  /** The rows in two buffers, each in the order of this one; those that `isFirst` takes (by their number, from 0) in the first. */
  split(isFirst: (row: number) => boolean): [first: CopyBuffer, second: CopyBuffer] {
    const parts: [CopyBuffer, CopyBuffer] = [new CopyBuffer(), new CopyBuffer()];
    for (const [row, start] of this.#starts.entries()) {
      const bytes = this.#buffer.subarray(start, this.#starts[row + 1] ?? this.#at);
      parts[isFirst(row) ? 0 : 1].#append(bytes);
    }
    return parts;
  }

  /** Everything written, with the trailer; the buffer must not be written to afterwards. */
  finish(): Buffer {
    this.#need(2);
    this.#at = this.#buffer.writeInt16BE(-1, this.#at);
    return this.#buffer.subarray(0, this.#at);
  }

  row(columns: number): void {
    this.#need(2);
    this.#starts.push(this.#at);
    this.#at = this.#buffer.writeInt16BE(columns, this.#at);
  }

  null(): void {
    this.#need(4);
    this.#at = this.#buffer.writeInt32BE(-1, this.#at);
  }

  bool(value: boolean): void {
    this.#length(1);
    this.#at = this.#buffer.writeUInt8(value ? 1 : 0, this.#at);
  }

  int2(value: number): void {
    this.#length(2);
    this.#at = this.#buffer.writeInt16BE(integer(value, 32_767), this.#at);
  }

  int4(value: number | null): void {
    if (value === null) {
      this.null();
      return;
    }
    this.#length(4);
    this.#at = this.#buffer.writeInt32BE(integer(value, 2_147_483_647), this.#at);
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
    this.#at = this.#buffer.writeDoubleBE(value, this.#at);
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
    if (typeof value !== 'string' || value.length !== 36) throw new UnencodableError(`not a UUID: ${value}`);
    for (let i = 0; i < 36; i += 2) {
      if (i === 8 || i === 13 || i === 18 || i === 23) {
        if (value.charCodeAt(i) !== 0x2d) throw new UnencodableError(`not a UUID: ${value}`);
        i++;
      }
      const byte = ((HEX[value.charCodeAt(i)] ?? -1) << 4) | (HEX[value.charCodeAt(i + 1)] ?? -1);
      if (byte < 0) throw new UnencodableError(`not a UUID: ${value}`);
      this.#buffer[this.#at++] = byte;
    }
  }

  /** Postgres has no NUL in text: it becomes U+FFFD, and a lone surrogate does too. */
  text(value: string | null): void {
    if (value === null) {
      this.null();
      return;
    }
    if (typeof value !== 'string') throw new UnencodableError(`not a text: ${String(value)}`);
    this.#utf8(value.includes('\0') ? value.replaceAll('\0', '\ufffd') : value, 0);
  }

  /** A JSON text for a jsonb column. */
  jsonb(json: string | null): void {
    if (json === null) {
      this.null();
      return;
    }
    this.#utf8(json, 1);
  }

  bytea(value: Uint8Array): void {
    this.#need(4 + value.length);
    this.#at = this.#buffer.writeInt32BE(value.length, this.#at);
    this.#buffer.set(value, this.#at);
    this.#at += value.length;
  }

  #append(row: Uint8Array): void {
    this.#need(row.length);
    this.#starts.push(this.#at);
    this.#buffer.set(row, this.#at);
    this.#at += row.length;
  }

  /** UTF-8 after its length, with the format's version byte in front where it has one (jsonb). */
  #utf8(value: string, version: 0 | 1): void {
    // A UTF-16 unit never takes more than three bytes.
    this.#need(5 + value.length * 3);
    const lengthAt = this.#at;
    const start = lengthAt + 4;
    if (version > 0) this.#buffer[start] = version;
    const written = version + this.#buffer.write(value, start + version, 'utf8');
    this.#buffer.writeInt32BE(written, lengthAt);
    this.#at = start + written;
  }

  #int64(value: number): void {
    const high = Math.floor(value / 4_294_967_296);
    this.#at = this.#buffer.writeInt32BE(high, this.#at);
    this.#at = this.#buffer.writeUInt32BE(value - high * 4_294_967_296, this.#at);
  }

  #length(bytes: number): void {
    this.#need(4 + bytes);
    this.#at = this.#buffer.writeInt32BE(bytes, this.#at);
  }

  #need(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#at + bytes));
    this.#buffer.copy(grown, 0, 0, this.#at);
    this.#buffer = grown;
  }
}

function integer(value: number, max: number): number {
  if (!Number.isInteger(value) || Math.abs(value) > max)
    throw new UnencodableError(`not an integer up to ${max}: ${String(value)}`);
  return value;
}

/** What a `timestamptz` holds: whole microseconds since 2000. `ms` are epoch milliseconds. */
export function postgresMicros(ms: number): number {
  return Math.round((ms - EPOCH_2000_MS) * 1_000);
}
