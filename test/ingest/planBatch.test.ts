import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { candidateOf, envelopeMessageId, splitEnvelopes, triage } from '../../src/ingest/planBatch.js';
import { encodeEnvelope } from '../../src/streams/commandCodec.js';
import { aRequest, type CommandWish, scriptPayload } from '../support/commandFixtures.js';

const other = scriptPayload('Assets/Other.cs');
const candidates = (...wishes: CommandWish[]) => wishes.map((wish) => candidateOf(aRequest(wish)));
const idOf = (wish: CommandWish) => candidateOf(aRequest(wish)).commandId ?? '';
const kinds = (wishes: CommandWish[], known: [CommandWish, string][] = []) =>
  triage(
    candidates(...wishes),
    new Map(
      known.map(([wish, state]) => [
        idOf(wish),
        { payloadSha: candidateOf(aRequest(wish)).payloadSha, state },
      ]),
    ),
  );

describe('sorting a batch by its keys', () => {
  it('stores what has no key, each for itself', () => {
    expect(kinds([{}, {}])).toEqual([{ kind: 'store' }, { kind: 'store' }]);
  });

  it('stores a new key once; the same again in the batch shares its fate', () => {
    expect(kinds([{ key: 'k' }, { key: 'j' }, { key: 'k' }])).toEqual([
      { kind: 'store' },
      { kind: 'store' },
      { kind: 'same_as', index: 0 },
    ]);
  });

  it('refuses another payload under a key of the batch', () => {
    expect(kinds([{ key: 'k' }, { key: 'k', payload: other }, { key: 'k' }])).toMatchObject([
      { kind: 'store' },
      { kind: 'mismatch' },
      { kind: 'same_as', index: 0 },
    ]);
  });

  it('answers a known key with its state, and refuses another payload under it', () => {
    expect(kinds([{ key: 'k' }, { key: 'k', payload: other }], [[{ key: 'k' }, 'completed']])).toMatchObject([
      { kind: 'repeat', state: 'completed', commandId: idOf({ key: 'k' }) },
      { kind: 'mismatch' },
    ]);
  });

  it('keeps sessions apart', () => {
    expect(
      kinds([
        { key: 'k', sessionId: 'a' },
        { key: 'k', sessionId: 'b', payload: other },
      ]),
    ).toEqual([{ kind: 'store' }, { kind: 'store' }]);
  });
});

describe('splitting a batch into messages', () => {
  const MAX = 10_000;
  const code = fc.oneof(
    fc.string({ maxLength: 3_000 }),
    fc.array(fc.constantFrom('日', '🎮', '\n', '"'), { maxLength: 1_500 }).map((parts) => parts.join('')),
  );

  it('keeps every command, in order, and no message of several above the limit', () => {
    fc.assert(
      fc.property(fc.array(code, { maxLength: 20 }), (codes) => {
        const batch = codes.map((text, n) =>
          candidateOf(aRequest({ payload: scriptPayload(`Assets/N${n}.cs`, text) })),
        );
        const envelopes = splitEnvelopes(batch, MAX);
        expect(envelopes.flat()).toEqual(batch);
        for (const envelope of envelopes) {
          expect(envelope.length).toBeGreaterThan(0);
          const bytes = encodeEnvelope(envelope.map(({ request }) => request)).byteLength;
          if (envelope.length > 1) expect(bytes).toBeLessThanOrEqual(MAX);
        }
      }),
    );
  });

  it('counts bytes, not characters', () => {
    const batch = Array.from({ length: 8 }, () =>
      candidateOf(aRequest({ payload: scriptPayload('Assets/N.cs', '日'.repeat(1_500)) })),
    );
    for (const envelope of splitEnvelopes(batch, MAX))
      expect(encodeEnvelope(envelope.map(({ request }) => request)).byteLength).toBeLessThanOrEqual(MAX);
  });

  it('shares messages where it can', () => {
    const batch = Array.from({ length: 10 }, () => candidateOf(aRequest()));
    expect(splitEnvelopes(batch, 100_000)).toHaveLength(1);
    expect(splitEnvelopes([], MAX)).toEqual([]);
  });
});

describe('the message id', () => {
  let n = 0;
  const random = () => `random-${++n}`;
  const idOfMessage = (...wishes: CommandWish[]) => envelopeMessageId(candidates(...wishes), random);

  it('is the same for the same keyed commands, and another for any difference', () => {
    expect(idOfMessage({ key: 'k' })).toBe(idOfMessage({ key: 'k' }));
    expect(idOfMessage({ key: 'k' }, { key: 'j' })).toBe(idOfMessage({ key: 'k' }, { key: 'j' }));
    const ids = [
      idOfMessage({ key: 'k' }),
      idOfMessage({ key: 'k', payload: other }),
      idOfMessage({ key: 'k', sessionId: 's2' }),
      idOfMessage({ key: 'k' }, { key: 'j' }),
      idOfMessage({ key: 'j' }, { key: 'k' }),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('is never the same when one of them has no key', () => {
    expect(idOfMessage({})).not.toBe(idOfMessage({}));
    expect(idOfMessage({ key: 'k' }, {})).not.toBe(idOfMessage({ key: 'k' }, {}));
  });
});
