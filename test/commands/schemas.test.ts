import { describe, expect, it } from 'vitest';
import { CATALOGUE, definitionOf } from '../../src/commands/catalogue.js';
import { validatePayload } from '../../src/commands/validate.js';

const LIMIT = 204_800;
const script = (over: object = {}) => ({
  name: 'Player',
  path: 'Assets/Player.cs',
  code: 'class Player {}',
  ...over,
});
const preview = (over: object = {}) => ({ width: 640, height: 480, ...over });
const edit = (over: object = {}) => ({
  startLine: 1,
  startCol: 1,
  endLine: 1,
  endCol: 1,
  newText: 'x',
  ...over,
});
const SHA = 'a'.repeat(64);
const UUID = '0f0e0d0c-0b0a-8908-8706-050403020100';

type Case = [what: string, type: string, payload: unknown];
const good: Case[] = [
  ['the plainest script', 'unity.generate_script', script()],
  ['no code at all', 'unity.generate_script', script({ code: '' })],
  ['204,800 bytes', 'unity.generate_script', script({ code: 'x'.repeat(LIMIT) })],
  ['204,800 bytes of two-byte characters', 'unity.generate_script', script({ code: 'é'.repeat(LIMIT / 2) })],
  ['overwrite', 'unity.generate_script', script({ overwrite: true })],
  ['a name of 128 characters', 'unity.generate_script', script({ name: 'a'.repeat(128) })],
  ['a name that begins with "_"', 'unity.generate_script', script({ name: '_x', path: 'Assets/_x.cs' })],
  ['a diff', 'unity.apply_patch', { path: 'Assets/A.cs', patch: 'x' }],
  ['a diff of 204,800 bytes', 'unity.apply_patch', { path: 'Assets/A.cs', patch: 'x'.repeat(LIMIT) }],
  ['edits', 'unity.apply_patch', { path: 'Assets/A.cs', edits: [edit()], expectedSha256: SHA }],
  ['1,000 edits', 'unity.apply_patch', { path: 'Assets/A.cs', edits: Array(1_000).fill(edit()) }],
  [
    'edits of 204,800 bytes together',
    'unity.apply_patch',
    {
      path: 'Assets/A.cs',
      edits: [edit({ newText: 'x'.repeat(LIMIT / 2) }), edit({ newText: 'y'.repeat(LIMIT / 2) })],
    },
  ],
  ['a path', 'unity.delete_script', { path: 'Assets/A.cs' }],
  ['1 px', 'unity.render_preview', preview({ width: 1, height: 1 })],
  ['4096 px', 'unity.render_preview', preview({ width: 4_096, height: 4_096 })],
  [
    'a scene and an object',
    'unity.render_preview',
    preview({ scenePath: 'Assets/Main.unity', gameObject: 'Player' }),
  ],
  ['nothing', 'session.undo', {}],
  ['an operation', 'session.undo', { operationId: UUID }],
  ['nothing', 'session.redo', {}],
];
const bad: [...Case, pointer: string, limit?: number][] = [
  ['204,801 bytes', 'unity.generate_script', script({ code: 'x'.repeat(LIMIT + 1) }), '/payload/code', LIMIT],
  [
    '102,401 two-byte characters',
    'unity.generate_script',
    script({ code: 'é'.repeat(LIMIT / 2 + 1) }),
    '/payload/code',
    LIMIT,
  ],
  ['a lone surrogate', 'unity.generate_script', script({ code: '\ud800' }), '/payload/code'],
  ['no name', 'unity.generate_script', { path: 'Assets/A.cs', code: '' }, '/payload/name'],
  ['an empty name', 'unity.generate_script', script({ name: '' }), '/payload/name'],
  ['a name of 129 characters', 'unity.generate_script', script({ name: 'a'.repeat(129) }), '/payload/name'],
  ['a name with a digit first', 'unity.generate_script', script({ name: '1a' }), '/payload/name'],
  ['a name with a line break', 'unity.generate_script', script({ name: 'a\n' }), '/payload/name'],
  [
    'a file name that is no identifier',
    'unity.generate_script',
    script({ path: 'Assets/a b.cs' }),
    '/payload/path',
  ],
  ['a path outside', 'unity.generate_script', script({ path: '../x.cs' }), '/payload/path'],
  ['another ending', 'unity.generate_script', script({ path: 'Assets/x.dll' }), '/payload/path'],
  ['overwrite as text', 'unity.generate_script', script({ overwrite: 'yes' }), '/payload/overwrite'],
  ['code as a number', 'unity.generate_script', script({ code: 7 }), '/payload/code'],
  ['an unknown field', 'unity.generate_script', script({ extra: 1 }), '/payload/extra'],
  ['null', 'unity.generate_script', null, '/payload'],
  ['an array', 'unity.generate_script', [], '/payload'],
  ['neither patch nor edits', 'unity.apply_patch', { path: 'Assets/A.cs' }, '/payload/patch'],
  [
    'both patch and edits',
    'unity.apply_patch',
    { path: 'Assets/A.cs', patch: '', edits: [edit()] },
    '/payload/patch',
  ],
  [
    'a diff of 204,801 bytes',
    'unity.apply_patch',
    { path: 'Assets/A.cs', patch: 'x'.repeat(LIMIT + 1) },
    '/payload/patch',
    LIMIT,
  ],
  ['no edit', 'unity.apply_patch', { path: 'Assets/A.cs', edits: [] }, '/payload/edits', 1],
  [
    '1,001 edits',
    'unity.apply_patch',
    { path: 'Assets/A.cs', edits: Array(1_001).fill(edit()) },
    '/payload/edits',
    1_000,
  ],
  [
    'line 0',
    'unity.apply_patch',
    { path: 'Assets/A.cs', edits: [edit({ startLine: 0 })] },
    '/payload/edits/0/startLine',
    1,
  ],
  [
    'half a column',
    'unity.apply_patch',
    { path: 'Assets/A.cs', edits: [edit(), edit({ endCol: 1.5 })] },
    '/payload/edits/1/endCol',
  ],
  [
    'edits of 204,801 bytes together',
    'unity.apply_patch',
    { path: 'Assets/A.cs', edits: [edit({ newText: 'x'.repeat(LIMIT) }), edit()] },
    '/payload/edits',
    LIMIT,
  ],
  [
    'a sha in capitals',
    'unity.apply_patch',
    { path: 'Assets/A.cs', patch: '', expectedSha256: 'A'.repeat(64) },
    '/payload/expectedSha256',
  ],
  ['no path', 'unity.delete_script', {}, '/payload/path'],
  ['0 px', 'unity.render_preview', preview({ width: 0 }), '/payload/width', 1],
  ['4097 px', 'unity.render_preview', preview({ height: 4_097 }), '/payload/height', 4_096],
  ['half a pixel', 'unity.render_preview', preview({ width: 1.5 }), '/payload/width'],
  ['a width as text', 'unity.render_preview', preview({ width: '640' }), '/payload/width'],
  ['another format', 'unity.render_preview', preview({ format: 'gif' }), '/payload/format'],
  ['another mode', 'unity.render_preview', preview({ mode: 'best' }), '/payload/mode'],
  [
    'a scene that is no scene',
    'unity.render_preview',
    preview({ scenePath: 'Assets/Main.cs' }),
    '/payload/scenePath',
  ],
  ['an object without a name', 'unity.render_preview', preview({ gameObject: '' }), '/payload/gameObject', 1],
  ['an operation that is no UUID', 'session.undo', { operationId: 'newest' }, '/payload/operationId'],
  ['a UUID in capitals', 'session.redo', { operationId: UUID.toUpperCase() }, '/payload/operationId'],
];

describe('the guardrails of each command', () => {
  it.each(good)('take %s for %s', (_what, type, payload) => {
    expect(validatePayload(type, payload)).toMatchObject({ ok: true });
  });

  it.each(bad)('refuse %s for %s', (_what, type, payload, pointer, limit) => {
    const answer = validatePayload(type, payload);
    if (answer.ok) throw new Error('was taken');
    const problem = answer.refusal.errors.find((found) => found.pointer === pointer);
    expect(answer.refusal.errors.map((found) => found.pointer)).toContain(pointer);
    expect(problem?.message).toMatch(/.+/);
    if (limit !== undefined) expect(problem?.limit).toBe(limit);
  });

  it('fill in what a preview leaves open', () => {
    expect(validatePayload('unity.render_preview', preview())).toEqual({
      ok: true,
      payload: { width: 640, height: 480, format: 'png', mode: 'fast' },
    });
  });

  it('call too many bytes by their own code, everything else a schema violation', () => {
    const code = (payload: unknown) => {
      const answer = validatePayload('unity.generate_script', payload);
      return answer.ok ? 'taken' : answer.refusal.code;
    };
    expect(code(script({ code: 'x'.repeat(LIMIT + 1) }))).toBe('payload_too_large');
    expect(code(script({ name: '' }))).toBe('schema_violation');
  });
});

describe('the catalogue', () => {
  it('names each row by its own type and shares no event name', () => {
    const rows = Object.entries(CATALOGUE);
    expect(rows.every(([type, row]) => row.type === type)).toBe(true);
    expect(new Set(rows.map(([, row]) => row.eventName)).size).toBe(rows.length);
  });

  it.each(['toString', '__proto__', 'constructor', '', 'unity.run'])('knows no command %j', (type) => {
    expect(definitionOf(type)).toBeUndefined();
  });
});
