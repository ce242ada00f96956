import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classify } from '../../src/unity/classify.js';
import type { RawReply } from '../../src/unity/rawReply.js';

const SHA = 'd12d'.padEnd(64, '0');
/** A business answer as CoplayDev's server sends it: JSON in a text block, the same in structuredContent. */
const said = (body: object): RawReply => ({
  kind: 'result',
  result: {
    content: [{ type: 'text', text: JSON.stringify(body) }],
    structuredContent: body,
    isError: false,
  },
});
const toolError = (text: string): RawReply => ({
  kind: 'result',
  result: { content: [{ type: 'text', text }], isError: true },
});
const failure = (error: string, data: object | null = null) =>
  said({ success: false, code: error, error, data });
const serverFailure = (error: string, hint: string, data: object | null = null) =>
  said({ success: false, error, hint, data });

describe('classify: the table of unity-mcp.md', () => {
  const rows: [string, RawReply, object][] = [
    ['ECONNREFUSED before anything was sent', { kind: 'refused', reason: 'ECONNREFUSED' }, { kind: 'away' }],
    [
      '503 No Unity instances connected',
      { kind: 'http', status: 503, body: '{"success":false,"error":"No Unity instances connected."}' },
      { kind: 'away' },
    ],
    [
      'a session lost again after initialize',
      { kind: 'session_lost', reason: 'Session not found' },
      { kind: 'not_executed' },
    ],
    [
      '404 Session not found',
      { kind: 'rpc_error', status: 404, code: -32600, message: 'Session not found' },
      { kind: 'not_executed' },
    ],
    [
      '400 Missing session ID',
      { kind: 'rpc_error', status: 400, code: -32600, message: 'Bad Request: Missing session ID' },
      { kind: 'not_executed' },
    ],
    ['reset in mid-call', { kind: 'broken', reason: 'ECONNRESET' }, { kind: 'unknown', mayStillRun: true }],
    [
      'client timeout',
      { kind: 'broken', reason: 'UND_ERR_BODY_TIMEOUT' },
      { kind: 'unknown', mayStillRun: true },
    ],
    [
      'no_unity_session',
      serverFailure('Unity session not available; please retry', 'retry', {
        reason: 'no_unity_session',
        retry_after_ms: 250,
      }),
      { kind: 'away', retryAfterMs: 250 },
    ],
    [
      'stale_connection',
      serverFailure('Unity session not available; please retry', 'retry', {
        reason: 'stale_connection',
        retry_after_ms: 250,
      }),
      { kind: 'away', retryAfterMs: 250 },
    ],
    [
      'busy, compiling',
      said({
        success: false,
        error: 'busy',
        hint: 'retry',
        data: { reason: 'compiling', retry_after_ms: 500 },
      }),
      { kind: 'away', reason: 'compiling', retryAfterMs: 500 },
    ],
    [
      'busy, tests_running, without a hint',
      said({ success: false, error: 'busy', data: { reason: 'tests_running' } }),
      { kind: 'away', retryAfterMs: 5000 },
    ],
    [
      'busy without data',
      said({ success: false, error: 'busy', data: null }),
      { kind: 'away', retryAfterMs: 500 },
    ],
    ['instance not found', toolError("Instance 'X@h' not found. Available: none."), { kind: 'away' }],
    ['no instance matches', toolError("No running Unity instance matches 'h'."), { kind: 'away' }],
    [
      'select_instance',
      serverFailure('Multiple Unity instances are connected.', 'select_instance', {
        reason: 'instance_selection_required',
      }),
      { kind: 'refused', code: 'routing' },
    ],
    [
      'disconnected while awaiting',
      serverFailure('Unity plugin session 1 disconnected while awaiting command_result', 'retry'),
      { kind: 'unknown' },
    ],
    ['superseded', serverFailure('session 1 superseded by session 2', 'retry'), { kind: 'unknown' }],
    ['TimeoutError', serverFailure('TimeoutError', 'retry'), { kind: 'unknown', mayStillRun: true }],
    [
      'command timed out',
      failure("Command 'create_script' timed out after 30 seconds"),
      { kind: 'unknown', mayStillRun: true },
    ],
    [
      'verified after domain reload: done, and no proof',
      said({ success: true, message: 'Script created (verified after domain reload).', data: {} }),
      { kind: 'done' },
    ],
    [
      'stale_file',
      failure('stale_file', {
        status: 'stale_file',
        expected_sha256: 'b',
        current_sha256: SHA.toUpperCase(),
      }),
      { kind: 'stale', currentSha256: SHA },
    ],
    [
      'stale_file with nonsense',
      failure('stale_file', { current_sha256: 7 }),
      { kind: 'stale', currentSha256: null },
    ],
    ['413', { kind: 'http', status: 413, body: 'too large' }, { kind: 'refused', code: 'request_too_large' }],
    [
      'a request above the limit',
      { kind: 'request_too_large', bytes: 5, limitBytes: 4 },
      { kind: 'refused', code: 'request_too_large' },
    ],
    ['Unknown tool', toolError("Unknown tool: 'x'"), { kind: 'refused', code: 'unknown_tool' }],
    [
      'schema error',
      toolError('1 validation error for call[manage_asset]\nbogus\n  Unexpected keyword argument'),
      { kind: 'refused', code: 'invalid_arguments' },
    ],
    [
      'script exists',
      failure("Script already exists at 'Assets/A.cs'. Use 'update' action to modify."),
      { kind: 'exists' },
    ],
    [
      'script to change is not there',
      failure("Script not found at 'Assets/A.cs'. Cannot delete."),
      { kind: 'stale', currentSha256: null },
    ],
    [
      'tool disabled',
      serverFailure("Tool 'manage_asset' is disabled in the Unity Editor.", ''),
      { kind: 'refused', code: 'tool_disabled' },
    ],
    [
      'unbalanced_braces sentence',
      failure('unbalanced_braces at line 3. Call resources/read for lines 1-8 …', {
        status: 'unbalanced_braces',
      }),
      { kind: 'refused', code: 'unbalanced_braces' },
    ],
    [
      'validation_failed with what the compiler said',
      failure('validation_failed', { diagnostics: ['ERROR: Unbalanced delimiter at line 1'] }),
      {
        kind: 'refused',
        code: 'validation_failed',
        message: 'validation_failed: ERROR: Unbalanced delimiter at line 1',
      },
    ],
    ['auth failure with HTTP 200', failure('auth_required'), { kind: 'refused', code: 'unauthorized' }],
    [
      'auth failure of the middleware',
      toolError('API key authentication required. Provide a valid X-API-Key header.'),
      { kind: 'refused', code: 'unauthorized' },
    ],
    ['401', { kind: 'http', status: 401, body: '' }, { kind: 'refused', code: 'unauthorized' }],
    [
      'auth failure as plain JSON with HTTP 200',
      { kind: 'http', status: 200, body: '{"success":false,"error":"auth_required"}' },
      { kind: 'refused', code: 'unauthorized' },
    ],
    [
      'a write that failed in Unity',
      failure('Failed to write edits: disk full'),
      { kind: 'unknown', mayStillRun: false },
    ],
    [
      'hint retry proves nothing',
      serverFailure('something odd', 'retry'),
      { kind: 'unknown', mayStillRun: true },
    ],
    [
      'a failure that the editor worded',
      failure("view_target 'X' not found."),
      { kind: 'refused', code: 'unity_refused' },
    ],
    ['a tool that threw', toolError("Error calling tool 'create_script': boom"), { kind: 'unknown' }],
    ['HTTP 502', { kind: 'http', status: 502, body: '' }, { kind: 'unknown', mayStillRun: true }],
    [
      'an answer above 16 MiB',
      { kind: 'answer_too_large', limitBytes: 1 },
      { kind: 'unknown', mayStillRun: false },
    ],
    [
      'internal JSON-RPC error',
      { kind: 'rpc_error', status: 200, code: -32603, message: 'boom' },
      { kind: 'unknown' },
    ],
    ['an empty result', { kind: 'result', result: {} }, { kind: 'unknown', mayStillRun: false }],
    [
      'the editor not yet ready',
      serverFailure("Unity session not ready for 'read_console' (ping not answered); please retry", 'retry'),
      { kind: 'away' },
    ],
  ];
  it.each(rows)('given %s, then what follows is right', (_name, reply, expected) => {
    expect(classify(reply)).toMatchObject(expected);
  });

  it.each(
    (
      'precondition_required validation_failed using_guard overlap too_large unbalanced_braces path_outside_assets bad_path ' +
      'bad_extension'
    ).split(' '),
  )('given the slug %s, then it is refused for good under that code', (slug) => {
    expect(classify(failure(slug, { status: slug }))).toMatchObject({ kind: 'refused', code: slug });
    expect(classify(said({ success: false, code: slug, message: 'why' }))).toMatchObject({
      kind: 'refused',
      code: slug,
    });
  });

  it('given the answer only in structuredContent, or wrapped in result, then it is read all the same', () => {
    const body = { success: true, message: 'ok', data: { sha256: SHA } };
    const done = { kind: 'done', message: 'ok', data: { sha256: SHA } };
    expect(classify({ kind: 'result', result: { structuredContent: body } })).toEqual(done);
    expect(classify({ kind: 'result', result: { structuredContent: { result: body } } })).toEqual(done);
  });

  it('given text with controls, bidi and zero-width characters, then none of them is left', () => {
    const dirty = `a\u001b[31m\u202eb\u200b\u2066c\r\nd\ufeff${'x'.repeat(5000)}`;
    const answer = classify(
      said({ success: true, message: dirty, data: { ['k\u0000']: dirty, deep: [[[[['x']]]]] } }),
    );
    expect(JSON.stringify(answer)).not.toMatch(/[\p{Cc}\p{Cf}]|\\u00/u);
    expect(JSON.stringify(answer).length).toBeLessThan(4000);
  });
});

describe('classify: anything at all', () => {
  const json = fc.jsonValue();
  const reply: fc.Arbitrary<RawReply> = fc.oneof(
    json.map((result): RawReply => ({ kind: 'result', result })),
    fc
      .record(
        { success: json, error: json, message: json, code: json, hint: json, data: json },
        { requiredKeys: [] },
      )
      .map((body): RawReply => ({ kind: 'result', result: { structuredContent: body } })),
    fc
      .record({
        isError: json,
        content: fc.array(fc.record({ type: fc.constantFrom('text', 'image'), text: json, data: json })),
      })
      .map((result): RawReply => ({ kind: 'result', result })),
    fc
      .tuple(fc.integer(), fc.string())
      .map(([code, message]): RawReply => ({ kind: 'rpc_error', status: 200, code, message })),
    fc.tuple(fc.nat(599), fc.string()).map(([status, body]): RawReply => ({ kind: 'http', status, body })),
  );

  it('given any JSON, then it answers with one of the kinds, never throws, and never calls a failure done', () => {
    fc.assert(
      fc.property(reply, (one) => {
        const answer = classify(one);
        expect(['done', 'away', 'not_executed', 'unknown', 'stale', 'exists', 'refused']).toContain(
          answer.kind,
        );
        if ('retryAfterMs' in answer) expect(answer.retryAfterMs).toBeGreaterThan(0);
        if (answer.kind === 'done') expect(JSON.stringify(one)).toMatch(/success/);
      }),
      { numRuns: 3_000 },
    );
  });
});
