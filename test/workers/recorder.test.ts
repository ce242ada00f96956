import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../src/core/ids.js';
import { EVENT_VERSION } from '../../src/events/event.js';
import { failed } from '../../src/workers/lanes/task.js';
import {
  completedEvent,
  failedEvent,
  rejectedEvent,
  startedEvent,
  summarise,
} from '../../src/workers/ledger/recorder.js';
import { ACCEPTED_AT, aCommand, aTask } from '../support/commandFixtures.js';

const NOW = '2026-03-01T10:00:01.000Z';
const token = { epoch: 3, call: 9 };
const command = aCommand({ seq: 7, index: 1, count: 3, key: 'k' });

describe('events as data', () => {
  it('an intent keeps the token without the partition it was compared in', () => {
    expect(startedEvent(command, { ...token, partition: 2 }, null, NOW).token).toEqual(token);
  });

  it('an intent repeats the envelope of the command, its place and its token', () => {
    const { commandId, sessionId, editor, payloadSha, payload, position } = command;
    expect(startedEvent(command, token, null, NOW)).toMatchObject({
      v: EVENT_VERSION,
      kind: 'started',
      type: 'generate_unity_script.started',
      timestamp: NOW,
      commandId,
      sessionId,
      editor,
      position,
      token,
      intent: null,
      envelope: {
        type: 'unity.generate_script',
        idempotencyKey: 'k',
        payloadSha,
        payload,
        acceptedAt: ACCEPTED_AT,
      },
    });
  });

  it('are the same event when they are made again', () => {
    expect(startedEvent(command, token, null, NOW).eventId).toBe(
      startedEvent(command, { epoch: 4, call: 1 }, null, 'later').eventId,
    );
  });

  it('a completion counts at least one attempt and tenths of a millisecond', () => {
    const event = completedEvent(aTask(command), { kind: 'completed', result: { a: 1 } }, 1.23456, NOW);
    expect(event).toMatchObject({ attempts: 1, durationMs: 1.2, result: { a: 1 }, outcome: 'completed' });
    expect('change' in event || 'preview' in event).toBe(false);
  });

  it('a failure without an intent carries the envelope; with one, it does not', () => {
    const verdict = failed('expired', { code: 'c', message: 'm' });
    if (verdict.kind !== 'failed') throw new Error('a failure');
    expect(failedEvent(aTask(command), verdict, null, NOW)).toMatchObject({
      envelope: { idempotencyKey: 'k' },
      durationMs: null,
      attempts: 0,
    });
    const started = startedEvent(command, token, null, NOW);
    expect(failedEvent(aTask(command, started), { ...verdict, operationId: 'op' }, 5.04, NOW)).toMatchObject({
      durationMs: 5,
      operationId: 'op',
      // What began counts as tried once, as in the read models.
      attempts: 1,
    });
    expect(failedEvent(aTask(command, started), verdict, 5, NOW)).not.toHaveProperty('envelope');
  });

  it('a reject tells what could be read, and what is wrong', () => {
    const refusal = {
      code: 'schema_violation',
      message: 'm',
      errors: [{ pointer: '/x', message: 'y' }],
    } as const;
    const bad = {
      refusal,
      commandId: 'id',
      position: command.position,
      acceptedAt: ACCEPTED_AT,
      sessionId: 's',
      editor: null,
      type: null,
      meta: command,
    };
    expect(rejectedEvent(bad, NOW)).toMatchObject({
      type: 'unknown_command.failed',
      outcome: 'rejected',
      sessionId: 's',
      editor: 'unknown',
      error: refusal,
      envelope: { type: 'unknown', payload: null, idempotencyKey: 'k' },
    });
    expect(rejectedEvent({ ...bad, type: 'session.undo', editor: 'e' }, NOW)).toMatchObject({
      type: 'undo.failed',
      editor: 'e',
    });
  });
});

describe('a payload in an event', () => {
  it('given long texts, carries hash and size instead, however deep they lie', () => {
    const long = 'é'.repeat(1_025);
    expect(summarise({ a: [{ b: long }], c: 'x'.repeat(1_024), d: null, e: 1 })).toEqual({
      a: [{ b: { sha256: sha256(long), bytes: 2_050 } }],
      c: 'x'.repeat(1_024),
      d: null,
      e: 1,
    });
  });

  it('given only short texts, is the payload', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(summarise(value)).toEqual(value);
      }),
    );
  });
});
