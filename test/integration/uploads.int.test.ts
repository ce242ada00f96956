import { randomBytes } from 'node:crypto';
import { jetstreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { sha256 } from '../../src/core/ids.js';
import type { UploadStore } from '../../src/http/uploadPort.js';
import { connectRole, type NatsConnection } from '../../src/streams/connection.js';
import { provision } from '../../src/streams/provision.js';
import { STREAMS } from '../../src/streams/topology.js';
import { createUploads } from '../../src/streams/uploads.js';
import type { Uploads } from '../../src/workers/ports.js';
import { TEST_TOPOLOGY } from '../support/freshStreams.js';
import { type OwnNats, startOwnNats } from '../support/ownNats.js';
import { uploadSuite } from '../support/portSuites/uploadSuite.js';

const MIB = 1024 * 1024;
const TOPOLOGY = { ...TEST_TOPOLOGY, uploadsMaxBytes: 24 * MIB };
const never = new AbortController().signal;
let server: OwnNats;
let admin: NatsConnection;
let ingest: NatsConnection;
let worker: NatsConnection;
let store: UploadStore;
let uploads: Uploads;

const connect = (role: 'admin' | 'ingest' | 'worker') =>
  connectRole(role, server.url, server.credentials(role));
const posted = async (bytes: Buffer) => store.put(sha256(bytes), bytes);

beforeAll(async () => {
  server = await startOwnNats();
  [admin, ingest, worker] = await Promise.all([connect('admin'), connect('ingest'), connect('worker')]);
  await provision(admin, TOPOLOGY);
  store = await createUploads(ingest, systemClock, { ttlMs: TOPOLOGY.uploadTtlMs });
  uploads = await createUploads(worker, systemClock, { ttlMs: TOPOLOGY.uploadTtlMs });
});
afterAll(async () => {
  await Promise.all([admin, ingest, worker].map((nc) => nc.close()));
  await server.stop();
});

const bucket = async () => (await (await jetstreamManager(admin)).streams.info(STREAMS.uploads)).state;

// With the permissions of the roles: ingest writes, a worker reads.
uploadSuite('JetStream object store', () => ({ store, uploads }));

describe('the upload store', () => {
  it('keeps each content once, however often it is posted', async () => {
    const bytes = randomBytes(MIB);
    await posted(bytes);
    const before = await bucket();
    await posted(bytes);
    expect((await bucket()).messages).toBe(before.messages);
  });

  it('stores anew what is posted again in the second half of its life', async () => {
    const bytes = randomBytes(100);
    await posted(bytes);
    const late = { ...systemClock, nowMs: () => systemClock.nowMs() + TOPOLOGY.uploadTtlMs * 0.6 };
    const later = await createUploads(ingest, late, { ttlMs: TOPOLOGY.uploadTtlMs });
    const { last_seq: before } = await bucket();
    expect(await later.put(sha256(bytes), bytes)).toEqual({ kind: 'stored' });
    expect((await bucket()).last_seq).toBeGreaterThan(before);
    expect(await uploads.get(sha256(bytes), 100, never)).toMatchObject({ state: 'present' });
  });

  it('does not let a worker write', async () => {
    const mine = await createUploads(worker, systemClock, { ttlMs: TOPOLOGY.uploadTtlMs });
    const bytes = randomBytes(10);
    expect(await mine.put(sha256(bytes), bytes)).toMatchObject({ kind: 'unavailable' });
    expect(await uploads.get(sha256(bytes), 10, never)).toEqual({ state: 'absent' });
  });

  it('says that it is full, leaves no half of a file behind, and keeps what it has', async () => {
    const kept = randomBytes(MIB);
    await posted(kept);
    const { bytes: before } = await bucket();
    expect(await posted(randomBytes(24 * MIB))).toEqual({ kind: 'full' });
    expect((await bucket()).bytes).toBe(before);
    expect(await uploads.get(sha256(kept), MIB, never)).toMatchObject({ state: 'present' });
  });

  it('follows its configuration, and is the same after another provisioning', async () => {
    expect(await provision(admin, TOPOLOGY)).toEqual([]);
    expect(await provision(admin, { ...TOPOLOGY, uploadsMaxBytes: 48 * MIB })).toEqual([]);
    const { config } = await (await jetstreamManager(admin)).streams.info(STREAMS.uploads);
    expect(config.max_bytes).toBe(48 * MIB);
  });

  it('survives kill -9 of the server', async () => {
    const bytes = randomBytes(MIB);
    await posted(bytes);
    await server.kill();
    await expect
      .poll(async () => (await uploads.get(sha256(bytes), MIB, never)).state, { timeout: 20_000 })
      .toBe('present');
  });

  it('is away, not absent, while the server is', async () => {
    const gone = await connect('worker');
    const away = await createUploads(gone, systemClock, { ttlMs: TOPOLOGY.uploadTtlMs });
    await gone.close();
    expect(await away.get('a'.repeat(64), 10, never)).toMatchObject({ state: 'away' });
    expect(await away.put('a'.repeat(64), Buffer.from('x'))).toMatchObject({ kind: 'unavailable' });
  });
});
