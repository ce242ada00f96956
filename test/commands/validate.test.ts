import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { messageIdOf, payloadShaOf } from '../../src/commands/envelope.js';
import { parseJsonBody } from '../../src/commands/parseBody.js';
import { pointerOf } from '../../src/commands/problems.js';
import { printable, validatePayload } from '../../src/commands/validate.js';
import { aRequest } from '../support/commandFixtures.js';

function nested(levels: number): unknown {
  let value: unknown = 'deep';
  for (let level = 0; level < levels; level++) value = level % 2 ? [value] : { a: value };
  return value;
}

function refusalOf(type: string, payload: unknown) {
  const answer = validatePayload(type, payload);
  if (answer.ok) throw new Error('was taken');
  return answer.refusal;
}

describe('checking a payload', () => {
  it('given an unknown command, says so without repeating what could forge a log line', () => {
    const refusal = refusalOf(`evil\n${'x'.repeat(5_000)}`, {});
    expect(refusal).toMatchObject({ code: 'unknown_command', errors: [{ pointer: '/type' }] });
    expect(refusal.message).not.toContain('\n');
    expect(refusal.message.length).toBeLessThan(200);
  });

  it('given 32 levels, looks at them; given 33, refuses them as too deep', () => {
    expect(refusalOf('session.undo', nested(32)).errors[0]?.limit).toBeUndefined();
    expect(refusalOf('session.undo', nested(33))).toMatchObject({
      code: 'schema_violation',
      errors: [{ pointer: '/payload', limit: 32, unit: 'levels' }],
    });
  });

  it('given an unknown field, escapes its name in the pointer (RFC 6901)', () => {
    expect(refusalOf('session.undo', { 'a/b~c': 1 }).errors[0]?.pointer).toBe('/payload/a~1b~0c');
  });

  it('given another prefix, points there', () => {
    const answer = validatePayload('session.undo', { x: 1 }, '/3/payload');
    expect(answer).toMatchObject({ refusal: { errors: [{ pointer: '/3/payload/x' }] } });
  });

  it('given a name of a megabyte, answers in a few hundred characters', () => {
    const refusal = refusalOf('session.undo', { ['x'.repeat(900_000)]: 1 });
    expect(JSON.stringify(refusal).length).toBeLessThan(2_000);
  });

  it('given a thousand unknown names, answers with a few', () => {
    const names = Object.fromEntries(Array.from({ length: 1_000 }, (_, at) => [`name-${at}`, 1]));
    expect(JSON.stringify(refusalOf('session.undo', names)).length).toBeLessThan(2_000);
  });

  it('given a thousand bad edits, answers with the first few problems: an event must carry them', () => {
    const refusal = refusalOf('unity.apply_patch', { path: 'Assets/A.cs', edits: Array(1_000).fill({}) });
    expect(refusal.errors.length).toBeGreaterThan(5);
    expect(JSON.stringify(refusal).length).toBeLessThan(20_000);
  });

  it('never throws, whatever it is given', () => {
    const types = fc.constantFrom(
      'unity.generate_script',
      'unity.apply_patch',
      'unity.render_preview',
      'session.undo',
      'no.such',
    );
    fc.assert(
      fc.property(types, fc.anything({ withNullPrototype: true }), (type, payload) => {
        const answer = validatePayload(type, payload);
        if (!answer.ok) expect(answer.refusal.errors.length).toBeGreaterThan(0);
      }),
    );
  });
});

describe('reading a body', () => {
  const bytes = (text: string) => new TextEncoder().encode(text);

  it('given JSON, gives its value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        fc.pre(!text.includes('__proto__'));
        expect(parseJsonBody(bytes(text))).toEqual({ ok: true, value: JSON.parse(text) });
      }),
    );
  });

  it('reads over a byte order mark', () => {
    expect(parseJsonBody(bytes('\ufeff{}'))).toEqual({ ok: true, value: {} });
  });

  it.each([
    ['nothing', new Uint8Array()],
    ['half an object', bytes('{"a":')],
    ['bytes that are no UTF-8', Uint8Array.of(0x22, 0xff, 0x22)],
    ['a member __proto__', bytes('{"a":{"__proto__":{"x":1}}}')],
    ['a member __proto__ in disguise', bytes('{"\\u005f_proto__":1}')],
    ['nesting without end', bytes('['.repeat(500_000))],
  ])('given %s, refuses it as malformed JSON with a reason', (_what, body) => {
    const parsed = parseJsonBody(body);
    expect(parsed).toMatchObject({
      ok: false,
      refusal: { code: 'malformed_json', errors: [{ pointer: '' }] },
    });
    if (!parsed.ok) expect(parsed.refusal.message.length).toBeLessThan(300);
  });
});

describe('nesting that closes, deeper than any stack', () => {
  it('is refused by the parser or by the depth limit, and throws nowhere', () => {
    const parsed = parseJsonBody(Buffer.from(`${'['.repeat(200_000)}${']'.repeat(200_000)}`));
    expect(parsed.ok && validatePayload('session.undo', parsed.value).ok).toBe(false);
  });
});

describe('what makes two requests one', () => {
  it('is type, editor and payload, whatever the order of the members', () => {
    const sha = payloadShaOf({ ...aRequest(), payload: { a: 1, b: [1, { c: 2, d: 3 }] } });
    expect(payloadShaOf({ ...aRequest(), payload: { b: [1, { d: 3, c: 2 }], a: 1 } })).toBe(sha);
    expect(payloadShaOf({ ...aRequest(), payload: { b: [{ d: 3, c: 2 }, 1], a: 1 } })).not.toBe(sha);
    expect(
      payloadShaOf({ ...aRequest({ editor: 'other' }), payload: { a: 1, b: [1, { c: 2, d: 3 }] } }),
    ).not.toBe(sha);
    expect(
      payloadShaOf({ ...aRequest({ type: 'x.y' }), payload: { a: 1, b: [1, { c: 2, d: 3 }] } }),
    ).not.toBe(sha);
  });

  it('is not who asked or when', () => {
    const request = aRequest();
    expect(payloadShaOf({ ...request, actor: 'somebody', deadline: '2030-01-01T00:00:00Z' } as never)).toBe(
      payloadShaOf(request),
    );
  });

  it('gives one message id for one session, key and payload, and another when any differs', () => {
    const id = messageIdOf('s', 'k', 'p');
    expect(messageIdOf('s', 'k', 'p')).toBe(id);
    for (const other of [messageIdOf('t', 'k', 'p'), messageIdOf('s', 'l', 'p'), messageIdOf('s', 'k', 'q')])
      expect(other).not.toBe(id);
  });
});

describe('small text tools', () => {
  it('point into a value as RFC 6901 says', () => {
    expect(pointerOf(['a', 0, 'b/c', '~'])).toBe('/a/0/b~1c/~0');
    expect(pointerOf([])).toBe('');
  });

  it('keep only printable ASCII of client text, and little of it', () => {
    expect(printable('a\u001b[31m\n\u202eé')).toBe('a?[31m???');
    expect(printable('x'.repeat(500), 10)).toBe('x'.repeat(10));
  });
});
