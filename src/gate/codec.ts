import { SparkError } from '../core/errors.js';

/** What cannot be carried, or was not written by `encodeMessage`. */
export class CodecError extends SparkError {
  readonly code = 'bad_gate_message';
}

/** Members within members; no answer and no request of the port comes near. */
const MAX_DEPTH = 64;
const MAX_ATTACHMENTS = 4_096;
const HEAD_BYTES = 4;

type Path = readonly (string | number)[];

/** The JSON part: the value with null where bytes belong, and where they belong. */
interface Envelope {
  readonly value: unknown;
  /** In the order in which the bytes follow the JSON. */
  readonly bytes: readonly { readonly at: Path; readonly length: number }[];
}

/**
 * A value as bytes: length of the JSON (4 bytes, big endian), the JSON, then every `Uint8Array` of the value as it is. Members that are
 * undefined are left out, which reads the same; what JSON would change on the way (undefined in a list, NaN, dates, maps) is refused.
 */
export function encodeMessage(value: unknown): Buffer {
  const attachments: { at: Path; bytes: Uint8Array }[] = [];
  const plain = detach(value, [], attachments);
  const envelope: Envelope = {
    value: plain,
    bytes: attachments.map(({ at, bytes }) => ({ at, length: bytes.byteLength })),
  };
  const json = Buffer.from(JSON.stringify(envelope), 'utf8');
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32BE(json.length);
  return Buffer.concat([head, json, ...attachments.map(({ bytes }) => bytes)]);
}

/** Reads what `encodeMessage` wrote. The bytes in it are views of `data`. Throws `CodecError` for anything else. */
export function decodeMessage(data: Buffer): unknown {
  if (data.length < HEAD_BYTES) throw new CodecError('the message ends before its head');
  const end = HEAD_BYTES + data.readUInt32BE(0);
  if (end > data.length) throw new CodecError('the message ends within its JSON');
  const { value, bytes } = envelopeOf(data.toString('utf8', HEAD_BYTES, end));
  const holder: Holder = { value };
  let from = end;
  for (const { at, length } of bytes) {
    if (from + length > data.length) throw new CodecError('the message ends within its bytes');
    attach(holder, ['value', ...at], data.subarray(from, from + length));
    from += length;
  }
  if (from !== data.length) throw new CodecError(`${data.length - from} bytes belong to nothing`);
  return holder['value'];
}

type Holder = Record<string | number, unknown>;

function detach(value: unknown, at: Path, attachments: { at: Path; bytes: Uint8Array }[]): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (at.length > MAX_DEPTH) throw new CodecError('nested too deep');
  if (value instanceof Uint8Array) {
    attachments.push({ at, bytes: value });
    return null;
  }
  if (Array.isArray(value)) return value.map((item, index) => detach(item, [...at, index], attachments));
  if (typeof value !== 'object' || !isPlain(value))
    throw new CodecError(`a ${typeof value} cannot be carried at ${at.join('.')}`);
  // `fromEntries` and not assignment: a member may be named __proto__.
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .map(([key, member]) => [key, detach(member, [...at, key], attachments)]),
  );
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function envelopeOf(json: string): Envelope {
  let envelope: unknown;
  try {
    envelope = JSON.parse(json);
  } catch (cause) {
    throw new CodecError('the message is not JSON', { cause });
  }
  const { value, bytes } = (envelope ?? {}) as Partial<Envelope>;
  if (value === undefined || !Array.isArray(bytes) || bytes.length > MAX_ATTACHMENTS)
    throw new CodecError('the message is no envelope');
  for (const one of bytes as readonly unknown[]) {
    const { at, length } = (one ?? {}) as { at?: unknown; length?: unknown };
    const isPath =
      Array.isArray(at) &&
      at.length <= MAX_DEPTH &&
      at.every((key) => typeof key === 'string' || typeof key === 'number');
    if (!isPath || !Number.isSafeInteger(length) || Number(length) < 0)
      throw new CodecError('the message names bytes without a place');
  }
  return { value, bytes };
}

/** Puts `bytes` where the value has null, and nowhere else. */
function attach(holder: Holder, path: Path, bytes: Uint8Array): void {
  let at = holder;
  for (const key of path.slice(0, -1)) {
    const next = Object.hasOwn(at, key) ? at[key] : undefined;
    if (typeof next !== 'object' || next === null || next instanceof Uint8Array)
      throw new CodecError('the message has no place for its bytes');
    at = next as Holder;
  }
  const last = path.at(-1) ?? '';
  if (!Object.hasOwn(at, last) || at[last] !== null)
    throw new CodecError('the message has no place for its bytes');
  Object.defineProperty(at, last, { value: bytes, enumerable: true, writable: true, configurable: true });
}
