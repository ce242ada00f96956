import { describe, expect, it } from 'vitest';
import { admit } from '../../src/workers/ledger/admission.js';
import { Claims } from '../../src/workers/ledger/claims.js';
import { rejectedEvent, startedEvent } from '../../src/workers/ledger/recorder.js';
import { WorkerState } from '../../src/workers/ledger/workerState.js';
import { aCommand, type CommandWish, scriptPayload } from '../support/commandFixtures.js';
import { failed, command as storyCommand } from '../support/story.js';

const token = { epoch: 1, call: 1 };
const other = scriptPayload('Assets/Other.cs');
const state = () => new WorkerState({ maxKeys: 100, termMs: 1_000_000 });
const began = (into: WorkerState, wish: CommandWish) => {
  const command = aCommand(wish);
  into.apply(startedEvent(command, token, null, 'now'), 0);
  return command;
};
const ended = (
  into: WorkerState,
  wish: CommandWish,
  outcome: 'failed' | 'expired' | 'rejected' = 'failed',
) => {
  const command = began(into, wish);
  const { commandId, position } = command;
  into.apply({ ...failed(storyCommand(), outcome), commandId, position }, 0);
  return command;
};
/** Only the state was prepared: nothing is held in memory. */
const only = (_prepared: object): undefined => undefined;
const claimOf = (wish: CommandWish) => {
  const { payloadSha, position } = aCommand(wish);
  return { payloadSha, seq: position.seq, index: position.index };
};

describe('what becomes of a delivered command', () => {
  it.each<[string, CommandWish, (into: WorkerState) => CommandWish | undefined, string]>([
    ['a keyless one, new', { seq: 5 }, () => undefined, 'run'],
    ['a keyed one, new', { seq: 5, key: 'k' }, () => undefined, 'run'],
    ['a keyless one whose place has ended', { seq: 5 }, (into) => only(ended(into, { seq: 5 })), 'repeat'],
    [
      'a keyless one that began in an earlier life',
      { seq: 5 },
      (into) => only(began(into, { seq: 5 })),
      'run',
    ],
    [
      'a keyed one that began in an earlier life',
      { seq: 5, key: 'k' },
      (into) => only(began(into, { seq: 5, key: 'k' })),
      'run',
    ],
    [
      'a repeat of one that began elsewhere',
      { seq: 6, key: 'k' },
      (into) => only(began(into, { seq: 5, key: 'k' })),
      'repeat',
    ],
    [
      'a repeat of one that ended',
      { seq: 6, key: 'k' },
      (into) => only(ended(into, { seq: 5, key: 'k' })),
      'repeat',
    ],
    [
      'the very one that ended',
      { seq: 5, key: 'k' },
      (into) => only(ended(into, { seq: 5, key: 'k' })),
      'repeat',
    ],
    [
      'a key with another payload',
      { seq: 6, key: 'k', payload: other },
      (into) => only(ended(into, { seq: 5, key: 'k' })),
      'refuse',
    ],
    [
      'a key of another session',
      { seq: 6, key: 'k', payload: other, sessionId: 's2' },
      (into) => only(ended(into, { seq: 5, key: 'k' })),
      'run',
    ],
    ['a keyless one with the payload of another', { seq: 6 }, (into) => only(ended(into, { seq: 5 })), 'run'],
    ['a redelivery of the one in memory', { seq: 5, key: 'k' }, () => ({ seq: 5, key: 'k' }), 'held'],
    ['a repeat of the one in memory', { seq: 6, key: 'k' }, () => ({ seq: 5, key: 'k' }), 'repeat'],
    [
      'another payload under the key in memory',
      { seq: 6, key: 'k', payload: other },
      () => ({ seq: 5, key: 'k' }),
      'refuse',
    ],
    [
      'the next item of the envelope in memory',
      { seq: 5, index: 1, count: 2, key: 'k' },
      () => ({ seq: 5, count: 2, key: 'k' }),
      'repeat',
    ],
  ])('given %s: %j', (_what, wish, arrange, kind) => {
    const into = state();
    const claim = arrange(into);
    expect(admit(aCommand(wish), into, claim ? claimOf(claim) : undefined).kind).toBe(kind);
  });

  it('given an end that is not stored yet, still holds it: it is acknowledged only with its end', () => {
    const into = state();
    ended(into, { seq: 5 });
    expect(admit(aCommand({ seq: 5 }), into, claimOf({ seq: 5 })).kind).toBe('held');
  });

  it('given a refused repeat of a key in memory again, knows that it was refused', () => {
    const into = state();
    const { position } = aCommand({ seq: 6 });
    into.apply({ ...failed(storyCommand(), 'rejected'), position }, 0);
    expect(
      admit(aCommand({ seq: 6, key: 'k', payload: other }), into, claimOf({ seq: 5, key: 'k' })).kind,
    ).toBe('repeat');
  });

  it('tells who refuses which key, and what to do', () => {
    const into = state();
    ended(into, { seq: 5, key: 'k' });
    expect(admit(aCommand({ seq: 6, key: 'k', payload: other }), into, undefined)).toMatchObject({
      kind: 'refuse',
      refusal: {
        code: 'idempotency_mismatch',
        errors: [{ pointer: '/idempotencyKey' }],
        message: expect.stringContaining('new key'),
      },
    });
  });
});

describe('the state a worker decides by', () => {
  it('opens with an intent and closes with an end', () => {
    const into = state();
    const { commandId, position } = began(into, { seq: 5, key: 'k' });
    expect([into.open.has(commandId), into.ledger.find(commandId)?.state]).toEqual([true, 'started']);
    into.apply({ ...failed(storyCommand(), 'expired'), commandId, position, attempts: 3 }, 9);
    expect(into.open.has(commandId)).toBe(false);
    expect(into.ledger.find(commandId)).toMatchObject({ state: 'failed', attempts: 3, recordedAtMs: 0 });
    expect(into.done.has(position)).toBe(true);
  });

  it('keeps the first end of a command, whatever comes later', () => {
    const into = state();
    const { commandId, position } = ended(into, { seq: 5, key: 'k' });
    into.apply(
      { ...failed(storyCommand(), 'conflict'), commandId, position, envelope: storyEnvelope('k') },
      0,
    );
    expect(into.ledger.find(commandId)?.state).toBe('failed');
  });

  it('does not let a refused publish claim its key: a corrected one may use it', () => {
    const into = state();
    const command = aCommand({ seq: 5, key: 'k' });
    const refusal = { code: 'schema_violation', message: 'no', errors: [] } as const;
    into.apply(rejectedEvent({ ...command, refusal, meta: command }, 'now'), 0);
    expect(admit(aCommand({ seq: 6, key: 'k' }), into, undefined).kind).toBe('run');
  });

  it('remembers a key whose command expired before it began', () => {
    const into = state();
    const { commandId, position } = aCommand({ seq: 5, key: 'k' });
    into.apply(
      { ...failed(storyCommand(), 'expired'), commandId, position, envelope: storyEnvelope('k') },
      0,
    );
    expect(into.ledger.find(commandId)?.state).toBe('failed');
  });

  const storyEnvelope = (idempotencyKey: string) => ({
    type: 'unity.generate_script',
    idempotencyKey,
    actor: 'a',
    correlationId: null,
    causationId: null,
    deadline: null,
    priority: 5,
    traceparent: null,
    payloadSha: 'p',
    payload: null,
    acceptedAt: 'now',
  });
});

describe('claims', () => {
  it('say what is held, where, and forget it', () => {
    const claims = new Claims();
    const command = aCommand({ seq: 5, index: 1, count: 2 });
    claims.hold(command, false);
    expect([claims.size, claims.find(command.commandId)]).toEqual([
      1,
      expect.objectContaining({ seq: 5, index: 1, parked: false, stored: false }),
    ]);
    claims.parked(command.commandId, undefined);
    claims.parked('unknown', undefined);
    expect(claims.find(command.commandId)).toMatchObject({ parked: true, stored: true });
    claims.release(command.commandId);
    expect([claims.size, claims.find(command.commandId)]).toEqual([0, undefined]);
  });
});
