import { Objm } from '@nats-io/obj';
import type { NatsConnection } from 'nats';
import type { Clock } from '../core/clock.js';
import { deadline } from '../core/deadline.js';
import { messageOf } from '../core/errors.js';
import { sha256 as shaOf } from '../core/ids.js';
import type { UploadPut, UploadStore } from '../http/uploadPort.js';
import type { FileRead } from '../workers/editor.js';
import type { Uploads } from '../workers/ports.js';
import { API_ERRORS, apiErrorCode } from './publish.js';
import { UPLOAD_BUCKET } from './topology.js';

/** Below the default `max_payload` of 1 MB of any nats-server. */
const CHUNK_BYTES = 512 * 1024;
const PUBLISH_TIMEOUT_MS = 5_000;
/** 50 MB come in well under a second; an object whose chunks have just expired would be waited for without end. */
const GET_TIMEOUT_MS = 20_000;
const AWAY_RETRY_MS = 1_000;
/** `insufficient storage resources`: the disk (or the account), not the bucket, is full. */
const STORAGE_FULL = 10_047;

type Bucket = Awaited<ReturnType<Objm['open']>>;

/**
 * What was posted to `/v1/uploads`: a JetStream object store, one object a content, named by its sha-256. Kept for `ttlMs` after the
 * last time it was posted (to within half of it).
 */
export async function createUploads(
  nc: NatsConnection,
  clock: Clock,
  limits: { readonly ttlMs: number },
): Promise<UploadStore & Uploads> {
  const bucket = await new Objm(nc).open(UPLOAD_BUCKET, false);
  return {
    put: (sha256, bytes) => put(bucket, clock, limits.ttlMs, sha256, bytes),
    get: (sha256, maxBytes, signal) => get(bucket, clock, sha256, maxBytes, signal),
  };
}

async function put(
  bucket: Bucket,
  clock: Clock,
  ttlMs: number,
  sha256: string,
  bytes: Uint8Array,
): Promise<UploadPut> {
  try {
    const there = await bucket.info(sha256);
    const isThere = there !== null && !there.deleted && there.size === bytes.byteLength;
    // Posted again late in its life it is stored anew: whoever is told "stored" has at least half the time left.
    if (isThere && clock.nowMs() - Date.parse(there.mtime) < ttlMs / 2) return { kind: 'stored' };
    const object = { name: sha256, options: { max_chunk_size: CHUNK_BYTES } };
    await bucket.put(object, streamOf(bytes), { timeout: PUBLISH_TIMEOUT_MS });
    return { kind: 'stored' };
  } catch (error) {
    const code = apiErrorCode(error);
    if (code === API_ERRORS.limitReached || code === STORAGE_FULL) return { kind: 'full' };
    return { kind: 'unavailable', reason: messageOf(error) };
  }
}

async function get(
  bucket: Bucket,
  clock: Clock,
  sha256: string,
  maxBytes: number,
  signal: AbortSignal,
): Promise<FileRead> {
  const limit = deadline(clock, GET_TIMEOUT_MS, signal);
  try {
    const info = await bucket.info(sha256);
    if (info === null || info.deleted) return { state: 'absent' };
    if (info.size > maxBytes)
      return refused('file_too_large', `the upload has ${info.size} bytes, the limit is ${maxBytes}`);
    const object = await bucket.get(sha256);
    if (object === null) return { state: 'absent' };
    // Told through the stream as well; without a listener it would end the process.
    object.error.catch(() => undefined);
    const bytes = await collect(object.data, info.size, limit.signal);
    if (bytes.byteLength === info.size && shaOf(bytes) === sha256) return { state: 'present', bytes, sha256 };
    return refused('upload_damaged', `the upload ${sha256} is not what was stored: post it again`);
  } catch (error) {
    signal.throwIfAborted();
    const reason = limit.expired() ? `no answer within ${GET_TIMEOUT_MS} ms` : messageOf(error);
    return { state: 'away', reason: `the upload store: ${reason}`, retryAfterMs: AWAY_RETRY_MS };
  } finally {
    limit.clear();
  }
}

function refused(code: string, message: string): FileRead {
  return { state: 'refused', code, message };
}

/** The whole stream; rejects when the signal aborts first, and then tells the server that nobody listens any more. */
async function collect(
  stream: ReadableStream<Uint8Array>,
  sizeBytes: number,
  signal: AbortSignal,
): Promise<Buffer> {
  const reader = stream.getReader();
  const aborted = new Promise<never>((_resolve, reject) =>
    signal.addEventListener('abort', () => reject(signal.reason), { once: true }),
  );
  const chunks: Uint8Array[] = [];
  try {
    signal.throwIfAborted();
    for (;;) {
      const { done, value } = await Promise.race([reader.read(), aborted]);
      if (done) return Buffer.concat(chunks, Math.min(sizeBytes, sizeOf(chunks)));
      chunks.push(value);
    }
  } catch (error) {
    reader.cancel().catch(() => undefined);
    throw error;
  }
}

const sizeOf = (chunks: readonly Uint8Array[]): number =>
  chunks.reduce((sum, { byteLength }) => sum + byteLength, 0);

function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull: (controller) => {
      if (at >= bytes.byteLength) return controller.close();
      controller.enqueue(bytes.subarray(at, at + CHUNK_BYTES));
      at += CHUNK_BYTES;
    },
  });
}
