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
const ingest = (over: object = {}) => ({
  source: { upload: SHA },
  path: 'Assets/A.png',
  mime: 'image/png',
  ...over,
});
const ocr = (over: object = {}) => ({ path: 'Uploads/a.png', mime: 'image/png', ...over });
const asr = (over: object = {}) => ({ path: 'Uploads/a.wav', mime: 'audio/wav', ...over });
const imported = (over: object = {}) => ({
  operationId: UUID,
  ts: '2030-01-01T00:00:00Z',
  editor: 'default',
  path: 'Assets/A.cs',
  tool: 'unity.generate_script',
  state: 'applied',
  before: null,
  after: { sha256: SHA, bytes: 1, meta: null },
  ...over,
});
/** Arguments of exactly that many bytes as JSON. */
const argumentsOf = (bytes: number) => ({ a: 'x'.repeat(bytes - '{"a":""}'.length) });

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
  [
    'a build of one scene',
    'unity.run_build',
    { target: 'webgl', scenes: ['Assets/Main.unity'], options: ['clean_build'] },
  ],
  ['a job', 'unity.get_build_status', { jobId: UUID }],
  ['an upload', 'unity.ingest_asset', ingest()],
  ['a file of Uploads/', 'unity.ingest_asset', ingest({ source: { file: 'Uploads/a.png' } })],
  ['an asset', 'unity.deconstruct_asset', { path: 'Assets/A.png' }],
  ['204,800 bytes of arguments', 'unity.call_tool', { tool: 't', arguments: argumentsOf(LIMIT) }],
  ['10 pages', 'cv.ocr', ocr({ pages: 10 })],
  ['a text', 'cv.ocv', ocr({ expectedText: 'x' })],
  ['a label', 'cv.classify', ocr({ labels: ['x'] })],
  ['a recording', 'asr.transcribe', asr({ language: 'pt-BR' })],
  ['an operation', 'session.rollback', { to: UUID }],
  ['a moment', 'session.rollback', { to: '2030-01-01T00:00:00Z' }],
  ['a folder', 'preset.apply', { presetId: 'visual-novel', targetFolder: 'Assets/X' }],
  ['an operation', 'session.import', { operations: [imported()] }],
  [
    'whatever presets and ingests write',
    'session.import',
    {
      operations: ['Main.unity', 'Slippery.physicsMaterial2D', 'LICENSE.txt', 'Sheet.PNG', 'M_0a.fbx'].map(
        (name) => imported({ path: `Assets/${name}` }),
      ),
    },
  ],
  ['no tokens', 'usage.report', { model: 'm', inputTokens: 0, outputTokens: 0 }],
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
  ['a target that Unity has not', 'unity.run_build', { target: 'amiga' }, '/payload/target'],
  [
    'an output path of its own',
    'unity.run_build',
    { target: 'webgl', outputPath: 'Builds/mine' },
    '/payload/outputPath',
  ],
  [
    'a scene outside Assets',
    'unity.run_build',
    { target: 'webgl', scenes: ['Assets/../x.unity'] },
    '/payload/scenes/0',
  ],
  ['an unknown option', 'unity.run_build', { target: 'webgl', options: ['fast'] }, '/payload/options/0'],
  ['a job that is no command id', 'unity.get_build_status', { jobId: 'build-1' }, '/payload/jobId'],
  ['a path outside Assets', 'unity.deconstruct_asset', { path: 'Packages/A.png' }, '/payload/path'],
  [
    'a source outside Uploads',
    'unity.ingest_asset',
    ingest({ source: { file: 'Secrets/a.png' } }),
    '/payload/source/file',
  ],
  [
    'an extension that is not its type’s',
    'unity.ingest_asset',
    ingest({ path: 'Assets/A.exe' }),
    '/payload/path',
  ],
  [
    'a type that is not taken in',
    'unity.ingest_asset',
    ingest({ mime: 'application/x-msdownload' }),
    '/payload/mime',
  ],
  ['a path outside', 'cv.ocr', ocr({ path: '../a.png' }), '/payload/path'],
  ['11 pages', 'cv.ocr', ocr({ pages: 11 }), '/payload/pages', 10],
  ['a type that no engine reads', 'cv.ocr', ocr({ mime: 'image/svg+xml' }), '/payload/mime'],
  ['no text to look for', 'cv.ocv', ocr(), '/payload/expectedText'],
  ['no labels', 'cv.classify', ocr({ labels: [] }), '/payload/labels', 1],
  ['a path outside', 'asr.transcribe', asr({ path: 'Library/a.wav' }), '/payload/path'],
  ['a type that is no sound', 'asr.transcribe', asr({ mime: 'video/mp4' }), '/payload/mime'],
  ['a moment that is none', 'session.rollback', { to: 'yesterday' }, '/payload/to'],
  ['a game that is not there', 'preset.apply', { presetId: 'chess' }, '/payload/presetId'],
  [
    'a folder outside Assets',
    'preset.apply',
    { presetId: 'platformer-2d', targetFolder: 'Packages/X' },
    '/payload/targetFolder',
  ],
  [
    'a path outside',
    'session.import',
    { operations: [imported({ path: '../A.cs' })] },
    '/payload/operations/0/path',
  ],
  ...['Plugins/evil.dll', 'A.asmdef', 'csc.rsp', 'A.cs.exe', 'noextension'].map(
    (name): (typeof bad)[number] => [
      `a path SPARK never writes, ${name},`,
      'session.import',
      { operations: [imported({ path: `Assets/${name}` })] },
      '/payload/operations/0/path',
    ],
  ),
  [
    'less than no tokens',
    'usage.report',
    { model: 'm', inputTokens: -1, outputTokens: 0 },
    '/payload/inputTokens',
    0,
  ],
  [
    '204,801 bytes of arguments',
    'unity.call_tool',
    { tool: 't', arguments: argumentsOf(LIMIT + 1) },
    '/payload/arguments',
    LIMIT,
  ],
  [
    'a sha that is none',
    'unity.ingest_asset',
    ingest({ source: { upload: 'ABC' } }),
    '/payload/source/upload',
  ],
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
    const tool = validatePayload('unity.call_tool', { tool: 't', arguments: argumentsOf(LIMIT + 1) });
    expect(tool).toMatchObject({ ok: false, refusal: { code: 'payload_too_large' } });
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
