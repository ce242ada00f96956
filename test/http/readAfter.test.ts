import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { uuidFrom } from '../../src/core/ids.js';
import { commandRow } from '../support/httpFakes.js';
import { type Harness, startHarness } from '../support/httpHarness.js';
import { operationRow } from '../support/operationFakes.js';

let spark: Harness;
const known = uuidFrom('test', 'known');
const sha = 'ab'.repeat(32);

beforeAll(async () => {
  spark = await startHarness();
  spark.reads.commands.set(known, commandRow(known));
  spark.reads.operations.push(operationRow(1));
  spark.reads.frames.set(sha, { bytes: Buffer.from('89504e470d0a1a0a', 'hex'), mime: 'image/png' });
});
afterAll(async () => {
  await spark.server.stop();
});
afterEach(() => {
  spark.reads.down = false;
  spark.reads.appliedSeq = Number.MAX_SAFE_INTEGER;
  spark.reads.lagMs = 0;
});

/** Every route that answers from a read model. */
const ROUTES = [
  '/v1/commands',
  `/v1/commands/${known}`,
  '/v1/operations',
  '/v1/sessions/s1/operations',
  `/v1/operations/${operationRow(1).operationId}/diff`,
  '/v1/sessions/s1/operations/export',
  '/v1/dead-letters',
  `/v1/frames/${sha}`,
];
const get = (path: string, headers: Record<string, string> = {}) => spark.call('GET', path, { headers });

describe.each(ROUTES)('GET %s', (path) => {
  it('says in headers who answered, what is in the answer, and how stale it is', async () => {
    spark.reads.appliedSeq = 7_168;
    spark.reads.lagMs = 1_234;
    const { status, headers } = await get(path);
    // An image of the fake operation is in no store: what was read still says how stale it is.
    expect([200, 404]).toContain(status);
    expect(headers).toMatchObject({
      'spark-read-source': 'replica',
      'spark-applied-seq': '7168',
      'spark-lag-ms': '1234',
    });
  });

  it('given Spark-Read-After a place that is not reached in time, then it is 503 and says when to come back', async () => {
    spark.reads.appliedSeq = 1_024;
    const { status, json, headers } = await get(path, { 'spark-read-after': '2048' });
    expect([status, json['code'], json['retryable'], headers['retry-after']]).toEqual([
      ...[503, 'read_models_behind', true, '1'],
    ]);
  });

  it('given Spark-Read-After that is no place, then it is 422', async () => {
    const { status, json } = await get(path, { 'spark-read-after': 'now' });
    expect([status, json['errors']]).toMatchObject([422, [{ pointer: '/headers/spark-read-after' }]]);
  });
});

describe('Spark-Read-After', () => {
  it('given a place that comes while it is waited for, then the answer contains it', async () => {
    spark.reads.appliedSeq = 1_024;
    spark.reads.whileWaiting = () => {
      spark.reads.appliedSeq = 2_048;
    };
    const { status, headers } = await get('/v1/commands', { 'spark-read-after': '2048' });
    spark.reads.whileWaiting = undefined;
    expect([status, headers['spark-applied-seq']]).toEqual([200, '2048']);
  });

  it('given the seq of a command, then that is what another reader gives here', async () => {
    const { json } = await get(`/v1/commands/${known}`);
    expect(json['seq']).toBe(2_048);
    spark.reads.appliedSeq = 2_048;
    expect((await get('/v1/commands', { 'spark-read-after': String(json['seq']) })).status).toBe(200);
  });

  it('given nobody answers, then it is 503 as without it', async () => {
    spark.reads.down = true;
    const { status, json, headers } = await get('/v1/commands', { 'spark-read-after': '2048' });
    expect([status, json['code'], headers['retry-after']]).toEqual([503, 'read_models_unavailable', '1']);
  });

  it('given a list, then its body says the same as its headers', async () => {
    spark.reads.appliedSeq = 5;
    spark.reads.lagMs = 7;
    const { json, headers } = await get('/v1/dead-letters');
    expect(json['freshness']).toEqual({ source: 'replica', appliedSeq: 5, lagMs: 7 });
    expect([headers['spark-applied-seq'], headers['spark-lag-ms']]).toEqual(['5', '7']);
  });
});
