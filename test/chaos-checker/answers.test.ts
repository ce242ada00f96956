import { describe, expect, it } from 'vitest';
import { mayBeSentAgain, readHttp, readPubAck } from '../../chaos/workloads/answers.js';

describe('what an answer tells a client', () => {
  it('given 202, or 200 after waiting, the command is accepted', () => {
    expect(readHttp(202, { commandId: 'c', duplicate: true })).toMatchObject({
      kind: 'ok',
      commandId: 'c',
      duplicate: true,
    });
    expect(readHttp(200, { commandId: 'c' })).toMatchObject({ kind: 'ok' });
  });

  it('given 4xx, it is certainly not stored; only 429 is asked again', () => {
    expect(readHttp(422, { code: 'idempotency_mismatch' })).toMatchObject({
      kind: 'fail',
      code: 'idempotency_mismatch',
    });
    expect(mayBeSentAgain(readHttp(422, {}))).toBe(false);
    expect(readHttp(429, { code: 'saturated' }).kind).toBe('fail');
    expect(mayBeSentAgain(readHttp(429, {}))).toBe(true);
  });

  it('given 5xx or no answer, nobody knows', () => {
    expect(readHttp(503, { code: 'unavailable' }).kind).toBe('info');
    expect(mayBeSentAgain(readHttp(503, {}))).toBe(true);
  });

  it('given a PubAck it is stored; given "stream full" it is not; given another error nobody knows', () => {
    expect(readPubAck({ seq: 7, duplicate: true })).toEqual({ kind: 'ok', streamSeq: 7, duplicate: true });
    expect(readPubAck({ error: { err_code: 10_077 } })).toMatchObject({ kind: 'fail' });
    expect(mayBeSentAgain(readPubAck({ error: { err_code: 10_077 } }))).toBe(true);
    expect(readPubAck({ error: { err_code: 10_008 } }).kind).toBe('info');
    expect(readPubAck({}).kind).toBe('info');
  });
});
