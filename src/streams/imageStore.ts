import { promisify } from 'node:util';
import { deflateRaw, inflateRaw } from 'node:zlib';
import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { LRUCache } from 'lru-cache';
import { type NatsConnection, headers as natsHeaders } from 'nats';
import type { Clock } from '../core/clock.js';
import { SparkError } from '../core/errors.js';
import { sha256 } from '../core/ids.js';
import type { ImageSource } from '../projections/ports.js';
import type { ImageStore } from '../workers/ports.js';
import { API_ERRORS, apiErrorCode, publishUntilAcked, untilAnswered } from './publish.js';
import { SUBJECTS } from './subjects.js';
import { STREAMS } from './topology.js';

const deflate = promisify(deflateRaw);
const inflate = promisify(inflateRaw);

/** Below the default `max_payload` of 1 MB of any nats-server, so that an image fits an operator's own server too. */
const CHUNK_BYTES = 512 * 1024;
const KNOWN_SHAS = 50_000;
const GETS_AT_ONCE = 32;
const CHUNKS = 'Spark-Chunks';
const ENCODING = 'Spark-Encoding';

export class BrokenImageError extends SparkError {
  readonly code = 'broken_image';
}

/** Content-addressed bytes in JetStream: stored once by sha-256; large ones in chunks, the head (under the sha itself) last. */
export async function createImageStore(
  nc: NatsConnection,
  clock: Clock,
  signal: AbortSignal,
): Promise<ImageStore & ImageSource> {
  const js = jetstream(nc);
  const manager = await jetstreamManager(nc);
  const known = new LRUCache<string, true>({ max: KNOWN_SHAS });
  // An outage is waited for: it is no command's fault.
  const found = (sha: string) => untilAnswered(clock, signal, () => load(manager, sha));
  // More than one role may store images: what an undo writes is what the name says, or nothing.
  const get = async (sha: string): Promise<Uint8Array | undefined> => {
    const bytes = await found(sha);
    if (bytes && sha256(bytes) !== sha)
      throw new BrokenImageError(`the bytes stored as ${sha} are not those`, { fields: { sha } });
    return bytes;
  };
  return {
    put: async (images) => {
      const fresh = images.filter(({ sha256 }) => !known.has(sha256));
      await Promise.all(fresh.map(({ sha256, bytes }) => store(js, clock, sha256, bytes, signal)));
      for (const { sha256 } of fresh) known.set(sha256, true);
    },
    get,
    fetch: async (shas) => {
      const images = new Map<string, Uint8Array>();
      const queue = [...new Set(shas)];
      const take = async (): Promise<void> => {
        for (let sha = queue.pop(); sha !== undefined; sha = queue.pop()) {
          const bytes = await found(sha);
          if (bytes) images.set(sha, bytes);
        }
      };
      await Promise.all(Array.from({ length: Math.min(GETS_AT_ONCE, queue.length) }, take));
      return images;
    },
  };
}

const subjectOf = (sha256: string, chunk?: number): string =>
  chunk === undefined ? `${SUBJECTS.images}.${sha256}` : `${SUBJECTS.images}.${sha256}.${chunk}`;

async function store(
  js: JetStreamClient,
  clock: Clock,
  sha256: string,
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  // Level 3: most of the gain at a fifth of the default level's CPU; tiny files are not worth a thread hop.
  const packed = bytes.byteLength > 512 ? await deflate(bytes, { level: 3 }) : bytes;
  const smaller = packed.byteLength < bytes.byteLength;
  const body = smaller ? packed : bytes;
  const chunks = Math.ceil(body.byteLength / CHUNK_BYTES);
  const headers = natsHeaders();
  if (smaller) headers.set(ENCODING, 'deflate-raw');
  if (chunks <= 1) return publishOnce(js, clock, subjectOf(sha256), body, headers, signal);
  for (let chunk = 0; chunk < chunks; chunk++)
    await publishOnce(
      js,
      clock,
      subjectOf(sha256, chunk),
      body.subarray(chunk * CHUNK_BYTES, (chunk + 1) * CHUNK_BYTES),
      natsHeaders(),
      signal,
    );
  headers.set(CHUNKS, String(chunks));
  // The head last: whoever finds it finds every chunk.
  return publishOnce(js, clock, subjectOf(sha256), new Uint8Array(), headers, signal);
}

async function publishOnce(
  js: JetStreamClient,
  clock: Clock,
  subject: string,
  data: Uint8Array,
  headers: ReturnType<typeof natsHeaders>,
  signal: AbortSignal,
): Promise<void> {
  try {
    await publishUntilAcked(js, clock, subject, data, { headers }, signal);
  } catch (error) {
    // One message a subject: refused means that the same content is there already.
    if (apiErrorCode(error) !== API_ERRORS.limitReached) throw error;
  }
}

async function load(manager: JetStreamManager, sha256: string): Promise<Uint8Array | undefined> {
  const head = await manager.direct.getMessage(STREAMS.images, { last_by_subj: subjectOf(sha256) });
  if (!head) return undefined;
  const chunks = Number(head.header?.get(CHUNKS) || 0);
  const body = chunks === 0 ? head.data : await loadChunks(manager, sha256, chunks);
  return head.header?.get(ENCODING) === 'deflate-raw' ? await inflate(body) : body;
}

async function loadChunks(manager: JetStreamManager, sha256: string, chunks: number): Promise<Uint8Array> {
  const parts = await Promise.all(
    Array.from({ length: chunks }, (_, chunk) =>
      manager.direct.getMessage(STREAMS.images, { last_by_subj: subjectOf(sha256, chunk) }),
    ),
  );
  return Buffer.concat(
    parts.map((part, chunk) => {
      if (!part)
        throw new BrokenImageError(`chunk ${chunk} of image ${sha256} is missing`, {
          fields: { sha256, chunk },
        });
      return part.data;
    }),
  );
}
