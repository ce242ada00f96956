import { DELETE, edit, GENERATE, good, PATCH, PREVIEW, SCRIPT_LIMIT } from './scripts.js';

const nested = (levels: number): unknown => (levels === 0 ? 1 : { a: nested(levels - 1) });
const preview = (over: object) => ({ width: 64, height: 64, ...over });
const INGEST = { source: { upload: 'a'.repeat(64) }, path: 'Assets/A.png', mime: 'image/png' };
const OCR = { path: 'Uploads/a.png', mime: 'image/png' };
const ASR = { path: 'Uploads/a.wav', mime: 'audio/wav' };
const IMPORTED = {
  operationId: '0f0e0d0c-0b0a-8908-8706-050403020100',
  ts: '2030-01-01T00:00:00Z',
  editor: 'default',
  path: 'Assets/A.cs',
  tool: GENERATE,
  state: 'applied',
  before: null,
  after: { sha256: 'a'.repeat(64), bytes: 1, meta: null },
};

interface Bad {
  readonly what: string;
  readonly type: string;
  readonly payload: unknown;
  /** Where it is wrong, from the root of what HTTP gets. */
  readonly pointer: string;
  readonly status?: number;
  readonly code?: string;
  readonly limit?: number;
}

/** Spellings of a place that is not a script under Assets/, each for a reason of its own. */
const PATHS = [
  'Packages/A.cs',
  'A.cs',
  '/Assets/A.cs',
  'Assets/../A.cs',
  'Assets/./A.cs',
  'Assets//A.cs',
  'Assets/%2e%2e/A.cs',
  'Assets\\A.cs',
  'assets/A.cs',
  'C:/Assets/A.cs',
  '~/Assets/A.cs',
  'Assets/A.cs:stream',
  'Assets/CON.cs',
  'Assets/sub./A.cs',
  'Assets/sub /A.cs',
  'Assets/A\u0000.cs',
  'Assets/A\n.cs',
  'Assets/A\u202e.cs',
  'Assets/A\u200b.cs',
  'Assets/e\u0301.cs',
  'Аssets/A.cs',
  'Assets/A.cs.meta',
  'Assets/A.txt',
  'Assets/A.CS',
  'Assets/A.cs ',
  `Assets/${'a/'.repeat(260)}A.cs`,
  '',
];

/** One thing wrong at a time, in payloads that are right but for it. */
export const BAD: readonly Bad[] = [
  ...PATHS.map((path) => ({
    what: `path ${JSON.stringify(path.slice(0, 30))}`,
    type: DELETE,
    payload: { path },
    pointer: '/payload/path',
  })),
  { what: 'no path', type: GENERATE, payload: { name: 'A', code: '' }, pointer: '/payload/path' },
  { what: 'no code', type: GENERATE, payload: { name: 'A', path: 'Assets/A.cs' }, pointer: '/payload/code' },
  {
    what: 'a name that is no identifier',
    type: GENERATE,
    payload: { ...good('A'), name: '1A' },
    pointer: '/payload/name',
  },
  {
    what: 'a path that leaves Assets',
    type: GENERATE,
    payload: { ...good('A'), path: 'Assets/../A.cs' },
    pointer: '/payload/path',
  },
  {
    what: 'a file name Unity cannot take',
    type: GENERATE,
    payload: { ...good('A'), path: 'Assets/A-b.cs' },
    pointer: '/payload/path',
  },
  {
    what: 'an unknown field',
    type: GENERATE,
    payload: { ...good('A'), force: true },
    pointer: '/payload/force',
  },
  {
    what: 'overwrite as text',
    type: GENERATE,
    payload: { ...good('A'), overwrite: 'yes' },
    pointer: '/payload/overwrite',
  },
  {
    what: 'code one byte too long',
    type: GENERATE,
    payload: { ...good('A'), code: `${'é'.repeat(SCRIPT_LIMIT / 2)}\n` },
    pointer: '/payload/code',
    status: 413,
    code: 'payload_too_large',
    limit: SCRIPT_LIMIT,
  },
  {
    what: 'a lone surrogate',
    type: GENERATE,
    payload: { ...good('A'), code: '// \ud800' },
    pointer: '/payload/code',
  },
  { what: 'a payload that is a list', type: GENERATE, payload: [], pointer: '/payload' },
  { what: 'a payload that is null', type: GENERATE, payload: null, pointer: '/payload' },
  {
    what: 'neither patch nor edits',
    type: PATCH,
    payload: { path: 'Assets/A.cs' },
    pointer: '/payload/patch',
  },
  {
    what: 'both patch and edits',
    type: PATCH,
    payload: { path: 'Assets/A.cs', patch: '', edits: [edit] },
    pointer: '/payload/patch',
  },
  {
    what: 'a patch too long',
    type: PATCH,
    payload: { path: 'Assets/A.cs', patch: 'x'.repeat(SCRIPT_LIMIT + 1) },
    pointer: '/payload/patch',
    status: 413,
    code: 'payload_too_large',
    limit: SCRIPT_LIMIT,
  },
  {
    what: 'edits too long together',
    type: PATCH,
    payload: {
      path: 'Assets/A.cs',
      edits: [edit, edit].map((one) => ({ ...one, newText: 'x'.repeat(SCRIPT_LIMIT / 2 + 1) })),
    },
    pointer: '/payload/edits',
    status: 413,
    code: 'payload_too_large',
    limit: SCRIPT_LIMIT,
  },
  {
    what: 'an edit at line 0',
    type: PATCH,
    payload: { path: 'Assets/A.cs', edits: [edit, { ...edit, startLine: 0 }] },
    pointer: '/payload/edits/1/startLine',
    limit: 1,
  },
  {
    what: 'no edits',
    type: PATCH,
    payload: { path: 'Assets/A.cs', edits: [] },
    pointer: '/payload/edits',
    limit: 1,
  },
  {
    what: 'a sha that is none',
    type: PATCH,
    payload: { path: 'Assets/A.cs', patch: '', expectedSha256: 'ABC' },
    pointer: '/payload/expectedSha256',
  },
  {
    what: 'a path outside',
    type: PATCH,
    payload: { path: 'ProjectSettings/A.cs', patch: '' },
    pointer: '/payload/path',
  },
  { what: 'width 0', type: PREVIEW, payload: preview({ width: 0 }), pointer: '/payload/width', limit: 1 },
  {
    what: 'width 4097',
    type: PREVIEW,
    payload: preview({ width: 4097 }),
    pointer: '/payload/width',
    limit: 4096,
  },
  {
    what: 'height 4097',
    type: PREVIEW,
    payload: preview({ height: 4097 }),
    pointer: '/payload/height',
    limit: 4096,
  },
  { what: 'half a pixel', type: PREVIEW, payload: preview({ height: 1.5 }), pointer: '/payload/height' },
  { what: 'no width', type: PREVIEW, payload: { height: 1 }, pointer: '/payload/width' },
  {
    what: 'an unknown format',
    type: PREVIEW,
    payload: preview({ format: 'gif' }),
    pointer: '/payload/format',
  },
  { what: 'an unknown mode', type: PREVIEW, payload: preview({ mode: 'best' }), pointer: '/payload/mode' },
  {
    what: 'a scene that is none',
    type: PREVIEW,
    payload: preview({ scenePath: 'Assets/A.cs' }),
    pointer: '/payload/scenePath',
  },
  {
    what: 'an operation id that is none',
    type: 'session.undo',
    payload: { operationId: 'last' },
    pointer: '/payload/operationId',
  },
  { what: 'an unknown field', type: 'session.undo', payload: { to: 1 }, pointer: '/payload/to' },
  {
    what: 'an operation id that is none',
    type: 'session.redo',
    payload: { operationId: 7 },
    pointer: '/payload/operationId',
  },
  {
    what: 'a target that Unity has not',
    type: 'unity.run_build',
    payload: { target: 'amiga' },
    pointer: '/payload/target',
  },
  {
    what: 'an output path of its own',
    type: 'unity.run_build',
    payload: { target: 'webgl', outputPath: 'Builds/mine' },
    pointer: '/payload/outputPath',
  },
  {
    what: 'a scene outside Assets',
    type: 'unity.run_build',
    payload: { target: 'webgl', scenes: ['Assets/../x.unity'] },
    pointer: '/payload/scenes/0',
  },
  {
    what: 'an unknown option',
    type: 'unity.run_build',
    payload: { target: 'webgl', options: ['fast'] },
    pointer: '/payload/options/0',
  },
  {
    what: 'a job that is no command id',
    type: 'unity.get_build_status',
    payload: { jobId: 'build-1' },
    pointer: '/payload/jobId',
  },
  {
    what: 'a path outside Assets',
    type: 'unity.deconstruct_asset',
    payload: { path: 'Packages/A.png' },
    pointer: '/payload/path',
  },
  {
    what: 'a source outside Uploads',
    type: 'unity.ingest_asset',
    payload: { ...INGEST, source: { file: 'Secrets/a.png' } },
    pointer: '/payload/source/file',
  },
  {
    what: 'an extension that is not its type’s',
    type: 'unity.ingest_asset',
    payload: { ...INGEST, path: 'Assets/A.exe' },
    pointer: '/payload/path',
  },
  {
    what: 'a type that is not taken in',
    type: 'unity.ingest_asset',
    payload: { ...INGEST, mime: 'application/x-msdownload' },
    pointer: '/payload/mime',
  },
  { what: 'a path outside', type: 'cv.ocr', payload: { ...OCR, path: '../a.png' }, pointer: '/payload/path' },
  { what: '11 pages', type: 'cv.ocr', payload: { ...OCR, pages: 11 }, pointer: '/payload/pages', limit: 10 },
  {
    what: 'a type that no engine reads',
    type: 'cv.ocr',
    payload: { ...OCR, mime: 'image/svg+xml' },
    pointer: '/payload/mime',
  },
  { what: 'no text to look for', type: 'cv.ocv', payload: OCR, pointer: '/payload/expectedText' },
  {
    what: 'no labels',
    type: 'cv.classify',
    payload: { ...OCR, labels: [] },
    pointer: '/payload/labels',
    limit: 1,
  },
  {
    what: 'a path outside',
    type: 'asr.transcribe',
    payload: { ...ASR, path: 'Library/a.wav' },
    pointer: '/payload/path',
  },
  {
    what: 'a type that is no sound',
    type: 'asr.transcribe',
    payload: { ...ASR, mime: 'video/mp4' },
    pointer: '/payload/mime',
  },
  {
    what: 'a moment that is none',
    type: 'session.rollback',
    payload: { to: 'yesterday' },
    pointer: '/payload/to',
  },
  {
    what: 'a game that is not there',
    type: 'preset.apply',
    payload: { presetId: 'chess' },
    pointer: '/payload/presetId',
  },
  {
    what: 'a folder outside Assets',
    type: 'preset.apply',
    payload: { presetId: 'platformer-2d', targetFolder: 'Packages/X' },
    pointer: '/payload/targetFolder',
  },
  {
    what: 'a path outside',
    type: 'session.import',
    payload: { operations: [{ ...IMPORTED, path: '../A.cs' }] },
    pointer: '/payload/operations/0/path',
  },
  {
    what: 'a path of a kind that SPARK does not write',
    type: 'session.import',
    payload: { operations: [{ ...IMPORTED, path: 'Assets/Plugins/evil.dll' }] },
    pointer: '/payload/operations/0/path',
  },
  {
    what: 'less than no tokens',
    type: 'usage.report',
    payload: { model: 'm', inputTokens: -1, outputTokens: 0 },
    pointer: '/payload/inputTokens',
    limit: 0,
  },
  {
    // Switched off besides: what is wrong with the payload is said first.
    what: '200 KB and a byte of arguments',
    type: 'unity.call_tool',
    payload: {
      tool: 'execute_menu_item',
      arguments: { a: 'x'.repeat(SCRIPT_LIMIT + 1 - '{"a":""}'.length) },
    },
    pointer: '/payload/arguments',
    status: 413,
    code: 'payload_too_large',
    limit: SCRIPT_LIMIT,
  },
  { what: 'nesting of 33 levels', type: DELETE, payload: nested(33), pointer: '/payload', limit: 32 },
  {
    what: 'an unknown command',
    type: 'unity.format_disk',
    payload: {},
    pointer: '/type',
    code: 'unknown_command',
  },
];
