import { promisify } from 'node:util';
import { deflateRaw, inflateRaw } from 'node:zlib';
import {
  type JetStreamClient,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
  type StoredMsg,
} from '@nats-io/jetstream';
import { LRUCache } from 'lru-cache';
import { type MsgHdrs, type NatsConnection, headers as natsHeaders } from 'nats';
import type { Clock } from '../core/clock.js';
import { SparkError } from '../core/errors.js';
import { sha256 } from '../core/ids.js';
import type { ImageSource } from '../projections/ports.js';
import type { ImageStore } from '../workers/ports.js';
import { newestOf } from './newest.js';
import { API_ERRORS, apiErrorCode, publishUntilAcked, untilAnswered } from './publish.js';
import { SUBJECTS } from './subjects.js';
import { STREAMS } from './topology.js';

const deflate = promisify(deflateRaw);
const inflate = promisify(inflateRaw);

/** Below the default `max_payload` of 1 MB of any nats-server, so that an image fits an operator's own server too. */
const CHUNK_BYTES = 512 * 1024;
const KNOWN_SHAS = 50_000;
const GETS_AT_ONCE = 32;
const STORE_TRIES = 5;
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
  const manager = await jetstreamManager(nc);
  const stores: Stores = { js: jetstream(nc), manager, clock, signal };
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
      await Promise.all(fresh.map(({ sha256, bytes }) => store(stores, sha256, bytes)));
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

interface Stores {
  readonly js: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Stores the bytes under their hash, once. A place that is taken holds the same bytes, stored before, unless somebody has made the server
 * put an acknowledgement there (docs/adr/0014): so what was there is read once, and if it is something else it makes room. Nothing is
 * lost by that: nobody can use it.
 */
async function store(stores: Stores, sha: string, bytes: Uint8Array): Promise<void> {
  for (let attempt = 0; attempt < STORE_TRIES; attempt++) {
    if (!(await storeOnce(stores, sha, bytes))) return;
    const { manager, clock, signal } = stores;
    const wrong = await untilAnswered(clock, signal, () => wrongPieces(manager, sha));
    if (wrong.length === 0) return;
    // Up to what was looked at: what another process has stored since then stays.
    for (const { subject, seq } of wrong)
      await untilAnswered(clock, signal, () =>
        manager.streams.purge(STREAMS.images, { filter: subject, seq: seq + 1 }),
      );
  }
  throw new BrokenImageError(`something else is stored as ${sha} again and again`, { fields: { sha } });
}

/** Whether something was there already. */
async function storeOnce(stores: Stores, sha256: string, bytes: Uint8Array): Promise<boolean> {
  // Level 3: most of the gain at a fifth of the default level's CPU; tiny files are not worth a thread hop.
  const packed = bytes.byteLength > 512 ? await deflate(bytes, { level: 3 }) : bytes;
  const smaller = packed.byteLength < bytes.byteLength;
  const body = smaller ? packed : bytes;
  const chunks = Math.ceil(body.byteLength / CHUNK_BYTES);
  const headers = natsHeaders();
  if (smaller) headers.set(ENCODING, 'deflate-raw');
  if (chunks <= 1) return publishOnce(stores, subjectOf(sha256), body, headers);
  let taken = false;
  for (let chunk = 0; chunk < chunks; chunk++) {
    const part = body.subarray(chunk * CHUNK_BYTES, (chunk + 1) * CHUNK_BYTES);
    taken = (await publishOnce(stores, subjectOf(sha256, chunk), part, natsHeaders())) || taken;
  }
  headers.set(CHUNKS, String(chunks));
  // The head last: whoever finds it finds every chunk.
  return (await publishOnce(stores, subjectOf(sha256), new Uint8Array(), headers)) || taken;
}

/** Whether the place was taken: one message a subject. */
async function publishOnce(
  { js, clock, signal }: Stores,
  subject: string,
  data: Uint8Array,
  headers: MsgHdrs,
): Promise<boolean> {
  try {
    await publishUntilAcked(js, clock, subject, data, { headers }, signal);
    return false;
  } catch (error) {
    if (apiErrorCode(error) === API_ERRORS.limitReached) return true;
    throw error;
  }
}

/** The messages of an image whose bytes are not what their hash says; none when they are, or when they cannot all be seen yet. */
async function wrongPieces(
  manager: JetStreamManager,
  sha: string,
): Promise<{ subject: string; seq: number }[]> {
  const pieces = await piecesOf(manager, sha);
  // Everything was just stored or found there: a reader that does not see it lags.
  if (!pieces || pieces.some((piece) => piece === null)) return [];
  const present = pieces.filter((piece) => piece !== null);
  try {
    if (sha256(await joined(present)) === sha) return [];
  } catch {
    // Bytes that do not even unpack.
  }
  return present.map(({ subject, seq }) => ({ subject, seq }));
}

async function load(manager: JetStreamManager, sha: string): Promise<Uint8Array | undefined> {
  const pieces = await piecesOf(manager, sha);
  if (!pieces) return undefined;
  const missing = pieces.indexOf(null);
  if (missing >= 0)
    throw new BrokenImageError(`chunk ${missing - 1} of image ${sha} is missing`, {
      fields: { sha, chunk: missing - 1 },
    });
  return joined(pieces.filter((piece) => piece !== null));
}

/** The head, and the chunks when it has any: null for one that is missing. Undefined without a head. */
async function piecesOf(manager: JetStreamManager, sha: string): Promise<(StoredMsg | null)[] | undefined> {
  // Any copy may answer with bytes; that there are none is only the leader's to say.
  const read = async (subject: string) =>
    (await manager.direct.getMessage(STREAMS.images, { last_by_subj: subject })) ??
    (await newestOf(manager, STREAMS.images, subject)) ??
    null;
  const head = await read(subjectOf(sha));
  if (!head) return undefined;
  const chunks = Number(head.header?.get(CHUNKS) || 0);
  const parts = Array.from({ length: chunks }, (_, chunk) => read(subjectOf(sha, chunk)));
  return [head, ...(await Promise.all(parts))];
}

async function joined([head, ...parts]: readonly StoredMsg[]): Promise<Uint8Array> {
  const body = parts.length === 0 ? head?.data : Buffer.concat(parts.map(({ data }) => data));
  const bytes = body ?? new Uint8Array();
  return head?.header?.get(ENCODING) === 'deflate-raw' ? await inflate(bytes) : bytes;
}
