import type { Answer } from '../workers/editor.js';
import { cleanData, cleanText, isRecord } from './cleanText.js';
import type { RawReply } from './rawReply.js';
import { type ToolAnswer, toolAnswerOf } from './toolAnswer.js';

/**
 * What an answer of Unity means (the table "What an answer means" of unity-mcp.md). Pure, total, and pessimistic: what is not
 * known to be "not executed" is `unknown`, because `hint:"retry"` is said of commands that ran too.
 */
export function classify(reply: RawReply): Answer {
  switch (reply.kind) {
    case 'result':
      return classifyTool(toolAnswerOf(reply.result));
    case 'rpc_error':
      return classifyRpcError(reply.code, reply.message);
    case 'http':
      return classifyHttp(reply.status, reply.body);
    case 'refused':
      return away(`the MCP server is not reachable (${cleanText(reply.reason)})`, 1_000);
    case 'broken':
      return unknown(`no answer: ${cleanText(reply.reason)}`, true);
    case 'answer_too_large':
      return unknown(`the answer is larger than ${reply.limitBytes} bytes`, false);
    case 'request_too_large':
      return refused(
        'request_too_large',
        `the request has ${reply.bytes} bytes, the limit is ${reply.limitBytes}`,
      );
    case 'session_lost':
      return {
        kind: 'not_executed',
        reason: `MCP session lost: ${cleanText(reply.reason)}`,
        retryAfterMs: 250,
      };
  }
}

const away = (reason: string, retryAfterMs: number): Answer => ({ kind: 'away', reason, retryAfterMs });
const unknown = (reason: string, mayStillRun: boolean): Answer => ({ kind: 'unknown', reason, mayStillRun });
const refused = (code: string, message: string): Answer => ({ kind: 'refused', code, message });

/** How long an editor may need whose socket has gone: it registers again after 0, 1, 3, 5, 10 or 30 s. */
const RELOAD_RETRY_MS = 1_000;
const DEFAULT_RETRY_MS = 500;
const MAX_RETRY_MS = 60_000;

function classifyTool(answer: ToolAnswer): Answer {
  const { body } = answer;
  if (answer.isError) return classifyToolError(cleanText(messageIn(body) || answer.text, 1_000));
  if (body === null || typeof body['success'] !== 'boolean') return classifyUnshaped(answer);
  if (body['success']) {
    return { kind: 'done', message: cleanText(body['message'], 1_000), data: cleanData(body['data']) };
  }
  return classifyFailure(body);
}

/** `isError:true`: the call did not get as far as a tool, or the tool threw. */
function classifyToolError(text: string): Answer {
  if (/\bInstance '.*' not found\b|No running Unity instance matches/.test(text))
    return away(text, RELOAD_RETRY_MS);
  if (/\bUnknown tool\b/i.test(text)) return refused('unknown_tool', text);
  if (/validation errors? for\b/i.test(text)) return refused('invalid_arguments', text);
  if (isUnauthorized(text)) return refused('unauthorized', text);
  if (/\bis ambiguous\b|unity_instance value must not be empty|Port-based targeting/.test(text)) {
    return refused('routing', text);
  }
  // A tool that threw may have thrown after its effect.
  return unknown(text || 'the tool reported an error without text', false);
}

/** A result without `success`: `set_active_instance` and foreign servers may answer so; emptiness proves nothing. */
function classifyUnshaped(answer: ToolAnswer): Answer {
  const text = cleanText(answer.text);
  if (isUnauthorized(text)) return refused('unauthorized', text);
  return unknown(`an answer without "success": ${text || 'empty'}`, false);
}

/** Failures decided before anything ran, by the slug in `code` or `error`. Anything not here is judged by its wording. */
const REFUSED_SLUGS = new Set([
  'precondition_required',
  'validation_failed',
  'using_guard',
  'overlap',
  'too_large',
  'unbalanced_braces',
  'path_outside_assets',
  'bad_path',
  'bad_extension',
  'bad_level',
  'missing_field',
  'syntax_error',
  'zero_based_explicit_fields',
]);

function classifyFailure(body: Readonly<Record<string, unknown>>): Answer {
  const data = isRecord(body['data']) ? body['data'] : {};
  const reason = typeof data['reason'] === 'string' ? data['reason'] : '';
  const error = cleanText(body['error'], 1_000);
  const code = cleanText(body['code'], 1_000);
  const message = cleanText(messageIn(body), 1_000);
  const retryAfterMs = retryHint(data['retry_after_ms']);
  if (body['hint'] === 'select_instance' || reason === 'instance_selection_required')
    return refused('routing', message);
  if (isAwayReason(reason) || error === 'busy')
    return away(reason || 'busy', retryAfterMs ?? busyRetryMs(reason));
  if (code === 'stale_file' || error === 'stale_file') return stale(data['current_sha256']);
  const slug = slugOf(code) ?? slugOf(error);
  if (slug && REFUSED_SLUGS.has(slug)) return refused(slug, detailed(message, data));
  if (error === 'auth_required' || isUnauthorized(message)) return refused('unauthorized', message);
  return classifySentence(error || message, retryAfterMs, {
    fromEditor: code !== '',
    retry: body['hint'] === 'retry',
  });
}

function isAwayReason(reason: string): boolean {
  return [
    'no_unity_session',
    'stale_connection',
    'compiling',
    'tests_running',
    'reloading',
    'domain_reload',
  ].includes(reason);
}

function busyRetryMs(reason: string): number {
  return reason === 'tests_running'
    ? 5_000
    : reason.startsWith('no_') || reason.startsWith('stale')
      ? 250
      : 500;
}

/** Sentences, in the order of the table; the last lines are what an unknown sentence means. */
function classifySentence(
  text: string,
  retryAfterMs: number | null,
  said: { readonly fromEditor: boolean; readonly retry: boolean },
): Answer {
  if (
    /No Unity instances (are currently )?connected|Unity session not (available|ready)|^Plugin session .* not connected/.test(
      text,
    )
  ) {
    return away(text, retryAfterMs ?? DEFAULT_RETRY_MS);
  }
  if (/\bInstance '.*' not found\b|No running Unity instance matches/i.test(text))
    return away(text, RELOAD_RETRY_MS);
  if (/already exists at '/.test(text)) return { kind: 'exists' };
  if (/^Script not found at '/.test(text)) return stale(null);
  if (/^Tool '.*' is disabled\b/.test(text)) return refused('tool_disabled', text);
  if (/^unbalanced_braces\b/.test(text)) return refused('unbalanced_braces', text);
  if (/\bUnknown tool\b/i.test(text)) return refused('unknown_tool', text);
  if (/^TimeoutError\b|timed out after|did not respond to/.test(text)) return unknown(text, true);
  if (/disconnected while awaiting|superseded by|connection closed|aborted/i.test(text))
    return unknown(text, true);
  // Unity tried to write and failed in the middle: only the file itself can tell.
  if (
    /^(Failed to|Error (deleting|calling)|Could not create directory|Python error|Internal error)/.test(text)
  ) {
    return unknown(text, false);
  }
  if (said.fromEditor) return refused('unity_refused', text);
  return unknown(text || 'a failure without text', said.retry);
}

function classifyRpcError(code: number, message: string): Answer {
  const text = cleanText(message, 1_000);
  if (isUnauthorized(text)) return refused('unauthorized', text);
  if (/session not found|missing session id/i.test(text)) {
    return { kind: 'not_executed', reason: text, retryAfterMs: 250 };
  }
  if (/\bUnknown tool\b/i.test(text)) return refused('unknown_tool', text);
  if (code === -32_700 || code === -32_600 || code === -32_601 || code === -32_602)
    return refused('protocol', text);
  return unknown(`JSON-RPC error ${code}: ${text}`, true);
}

function classifyHttp(status: number, body: string): Answer {
  const text = `HTTP ${status}: ${cleanText(body)}`;
  if (status === 413) return refused('request_too_large', text);
  if (status === 401 || status === 403 || isUnauthorized(body)) return refused('unauthorized', text);
  if (status === 503 || status === 429) return away(text, 1_000);
  // Not an MCP endpoint (yet): a server that is starting, or a wrong URL. Nothing ran.
  if (status === 404) return away(text, 2_000);
  if (status >= 400 && status < 500 && status !== 408) return refused('protocol', text);
  return unknown(text, true);
}

/** Hosted mode says so with HTTP 200, in several wordings. */
function isUnauthorized(text: string): boolean {
  return /auth_required|API key (authentication )?(required|invalid)|Invalid API key|X-API-Key header/i.test(
    text,
  );
}

function stale(current: unknown): Answer {
  const sha = typeof current === 'string' && /^[0-9a-fA-F]{64}$/.test(current) ? current.toLowerCase() : null;
  return { kind: 'stale', currentSha256: sha };
}

function slugOf(text: string): string | null {
  return /^[a-z0-9_]{1,64}$/.test(text) ? text : null;
}

function messageIn(body: Readonly<Record<string, unknown>> | null): string {
  for (const key of ['message', 'error', 'code']) {
    const value = body?.[key];
    if (typeof value === 'string' && value.length > 0) return value;
  }
  return '';
}

/** "validation_failed" alone helps nobody: what the compiler said stands in the data. */
function detailed(message: string, data: Readonly<Record<string, unknown>>): string {
  const diagnostics = data['diagnostics'];
  if (!Array.isArray(diagnostics) || diagnostics.length === 0) return message;
  const texts = diagnostics.slice(0, 5).map((item) => (isRecord(item) ? messageIn(item) : item));
  return cleanText(`${message}: ${texts.filter((item) => typeof item === 'string').join('; ')}`, 1_000);
}

function retryHint(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) && value > 0
    ? Math.min(value, MAX_RETRY_MS)
    : null;
}
