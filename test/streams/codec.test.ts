import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeCommandMessage,
  encodeEnvelope,
  type StoredCommandMessage,
} from '../../src/streams/commandCodec.js';
import { metaFromHeaders } from '../../src/streams/headers.js';
import { driftOf } from '../../src/streams/provision.js';
import { isServerVerdict } from '../../src/streams/publish.js';
import { parseCommandSubject, partitionOf, publishedSubjectOf } from '../../src/streams/subjects.js';
import { aRequest, STREAM_CREATED, scriptPayload } from '../support/commandFixtures.js';

const GOOD = 'spark.partition.2.left.unity.generate_script.session-1';
const stored = (over: Partial<StoredCommandMessage> = {}): StoredCommandMessage => ({
  subject: GOOD,
  headers: {},
  data: Buffer.from(JSON.stringify(scriptPayload())),
  seq: 7,
  partition: 2,
  storedAt: '2026-03-01T10:00:00.000Z',
  streamCreated: STREAM_CREATED,
  ...over,
});
const only = (message: StoredCommandMessage) => {
  const items = decodeCommandMessage(message);
  expect(items).toHaveLength(1);
  return items[0];
};

describe('a stored message', () => {
  it('that is well formed, is a command named by its place or by its key', () => {
    const keyless = only(stored());
    expect(keyless).toMatchObject({
      kind: 'command',
      command: { type: 'unity.generate_script', editor: 'left', sessionId: 'session-1' },
    });
    expect(only(stored())).toEqual(keyless);
    expect(only(stored({ seq: 8 }))).not.toMatchObject({
      command: { commandId: keyless?.kind === 'command' && keyless.command.commandId },
    });
    const keyed = { 'Spark-Idempotency-Key': 'k' };
    const [one, two] = [only(stored({ headers: keyed })), only(stored({ headers: keyed, seq: 8 }))];
    expect(
      one?.kind === 'command' && two?.kind === 'command' && one.command.commandId === two.command.commandId,
    ).toBe(true);
  });

  it.each([
    ['too few tokens', { subject: 'spark.commands.left' }, 'malformed_subject'],
    ['too many tokens', { subject: `${GOOD}.extra` }, 'malformed_subject'],
    ['a token that is none', { subject: 'spark.commands.le$ft.unity.x.s' }, 'malformed_subject'],
    ['a bad header', { headers: { 'Spark-Priority': '10' } }, 'malformed_header'],
    ['a body that is too large', { data: Buffer.alloc(1_000_001, ' ') }, 'payload_too_large'],
    ['no JSON', { data: Buffer.from('{') }, 'malformed_json'],
    ['a type nobody knows', { subject: 'spark.commands.left.unity.dance.s' }, 'unknown_command'],
    ['a payload that does not fit', { data: Buffer.from('{}') }, 'schema_violation'],
    [
      'an envelope that is none',
      { subject: 'spark.command-envelopes.2', data: Buffer.from('[]') },
      'malformed_json',
    ],
    [
      'an envelope of nothing',
      { subject: 'spark.command-envelopes.2', data: Buffer.from('{"v":1,"items":[]}') },
      'malformed_json',
    ],
    [
      'an envelope without an address',
      { subject: 'spark.command-envelopes.2', data: Buffer.from('{"v":1,"items":[{}]}') },
      'malformed_subject',
    ],
  ])('with %s, is refused by code, and keeps what could be read', (_what, over, code) => {
    expect(only(stored(over as Partial<StoredCommandMessage>))).toMatchObject({
      kind: 'bad',
      refusal: { code },
      position: { seq: 7 },
    });
  });

  it('tells the session whose tokens can be read, even where others cannot', () => {
    expect(only(stored({ subject: 'spark.commands.left.unity.dance.session-9.extra' }))).toMatchObject({
      sessionId: 'session-9',
      editor: 'left',
    });
    expect(only(stored({ subject: 'spark.commands.left' }))).toMatchObject({ sessionId: null });
  });

  it('of many commands, gives each its place', () => {
    const requests = [aRequest({ key: 'a' }), aRequest(), aRequest({ payload: {} })];
    const items = decodeCommandMessage(
      stored({ subject: 'spark.command-envelopes.2', data: encodeEnvelope(requests) }),
    );
    expect(items).toMatchObject([
      { kind: 'command', command: { position: { seq: 7, index: 0, count: 3 } } },
      { kind: 'command', command: { position: { index: 1, count: 3 } } },
      { kind: 'bad', position: { index: 2, count: 3 }, sessionId: 'session-1' },
    ]);
  });

  it('whatever it holds, becomes at least one item, and nothing throws', () => {
    const subject = fc.oneof(fc.constant('spark.command-envelopes.0'), fc.constant(GOOD), fc.string());
    const data = fc.oneof(
      fc.uint8Array(),
      fc.json().map(Buffer.from),
      fc.json().map((json) => Buffer.from(`{"v":1,"items":[${json}]}`)),
    );
    fc.assert(
      fc.property(subject, data, fc.dictionary(fc.string(), fc.string()), (where, bytes, headers) => {
        expect(decodeCommandMessage(stored({ subject: where, data: bytes, headers })).length).toBeGreaterThan(
          0,
        );
      }),
    );
  });
});

describe('headers', () => {
  it('given none, are the defaults', () => {
    expect(metaFromHeaders({})).toEqual({
      meta: {
        idempotencyKey: null,
        actor: 'anonymous',
        correlationId: null,
        causationId: null,
        deadline: null,
        priority: 5,
        traceparent: null,
      },
      errors: [],
    });
  });

  it('are read whatever their case; SPARK’s own key wins over the message id; a broken trace is ignored', () => {
    const { meta, errors } = metaFromHeaders({
      'SPARK-IDEMPOTENCY-KEY': 'mine',
      'Nats-Msg-Id': 'bare',
      'Spark-Deadline': '2030-01-31T13:00:00+01:00',
      'spark-priority': '0',
      traceparent: 'broken',
    });
    expect([meta, errors]).toMatchObject([
      { idempotencyKey: 'mine', deadline: '2030-01-31T12:00:00.000Z', priority: 0, traceparent: null },
      [],
    ]);
  });

  it.each([
    ['Spark-Idempotency-Key', 'x'.repeat(201)],
    ['Spark-Idempotency-Key', 'a b'],
    ['Spark-Actor', 'a\u0007b'],
    ['Spark-Deadline', 'tomorrow'],
    ['Spark-Priority', '-1'],
    ['Spark-Correlation-Id', 'ä'],
  ])('given %s: %j, are refused with a pointer', (name, value) => {
    expect(metaFromHeaders({ [name]: value }).errors).toMatchObject([
      { pointer: `/headers/${name.toLowerCase()}` },
    ]);
  });
});

describe('subjects', () => {
  const token = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/);

  it('lead from the stored one back to the published one, and to its address', () => {
    fc.assert(
      fc.property(token, token, token, token, fc.nat(63), (editor, family, name, sessionId, partition) => {
        const tail = `${editor}.${family}.${name}.${sessionId}`;
        expect(publishedSubjectOf(`spark.partition.${partition}.${tail}`)).toBe(`spark.commands.${tail}`);
        expect(publishedSubjectOf(`spark.commands.${tail}`)).toBe(`spark.commands.${tail}`);
        expect(parseCommandSubject(`spark.commands.${tail}`, 2)).toEqual({
          ok: true,
          address: { editor, type: `${family}.${name}`, sessionId },
        });
      }),
    );
  });

  it('give every editor one partition within bounds', () => {
    fc.assert(
      fc.property(token, fc.integer({ min: 1, max: 64 }), (editor, partitions) => {
        const partition = partitionOf(editor, partitions);
        return partition >= 0 && partition < partitions && partition === partitionOf(editor, partitions);
      }),
    );
  });
});

describe('what the server says', () => {
  it('is a verdict only where trying again changes nothing', () => {
    expect([10_071, 10_077, 10_059].map((code) => isServerVerdict({ code }))).toEqual([true, true, true]);
    expect(
      [10_008, 10_023, 10_009, 503, 'TIMEOUT', undefined].map((code) => isServerVerdict({ code })),
    ).toEqual(Array(6).fill(false));
    expect(isServerVerdict(null)).toBe(false);
  });

  it('differs from what we want only in what we name', () => {
    expect(driftOf('S', { a: 1, b: { c: [1] } }, { a: 1, b: { c: [1] }, more: true })).toEqual([]);
    expect(driftOf('S', { a: 1, b: 2 }, { a: 2 })).toEqual([
      { name: 'S', setting: 'a', want: 1, have: 2 },
      { name: 'S', setting: 'b', want: 2, have: undefined },
    ]);
  });
});
