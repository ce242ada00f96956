import type { BuildIntent } from '../events/event.js';
import type { BuildGate, BuildOrder, BuildStatus, BuildTraces, EditorBuild } from '../workers/buildPort.js';
import type { Answer, GateCall } from '../workers/editor.js';
import { outputBytes, removeOutput } from './buildOutput.js';
import { classify } from './classify.js';
import { cleanText, isRecord } from './cleanText.js';
import { callTool, type EditorAccess } from './editorAccess.js';
import type { GateDoor } from './gateDoor.js';
import type { ProjectFolder } from './projectFolder.js';
import { toolAnswerOf } from './toolAnswer.js';

const TOOL = 'manage_build';
/** Somebody else's build (a person at the editor): ours has not been started, and may be later. */
const OTHER_BUILD_RETRY_MS = 2_000;
const CONSOLE_LINES = 100;
const CONSOLE_MARK = '[MCP Build]';

export function createBuildGate(door: GateDoor): BuildGate {
  return {
    start: (editor, order, call) =>
      door.alone(editor, TOOL, call, (access) => startBuild(access, order, call)),
    cancel: (editor, jobId, call) =>
      door.alone(editor, TOOL, call, async (access) =>
        classify(
          await callTool(
            access,
            TOOL,
            { action: 'cancel', job_id: jobId },
            call,
            access.timeouts.buildStartMs,
          ),
        ),
      ),
    removeOutput: (editor, build, call) =>
      door.alone(editor, 'remove_build', call, async ({ folder }) => removedOutput(folder, build)),
    status: async (editor, jobId, signal) => {
      const access = await door.access(editor, signal);
      return 'state' in access ? silent(access.reason) : buildStatus(access, jobId, signal);
    },
    traces: async (editor, build, signal) => {
      const access = await door.access(editor, signal);
      return 'state' in access ? silent(access.reason) : buildTraces(access, build, signal);
    },
  };
}

async function removedOutput(folder: ProjectFolder | null, build: BuildIntent): Promise<Answer> {
  if (folder === null)
    return {
      kind: 'refused',
      code: 'no_project_folder',
      message: 'the project folder is out of reach: name it in UNITY_EDITORS',
    };
  await removeOutput(folder, build);
  return { kind: 'done', message: '', data: {} };
}

const silent = (reason: string): BuildStatus & { readonly kind: 'silent' } => ({ kind: 'silent', reason });

/** All arguments are strings; a list travels as JSON, because a path may hold a comma. */
async function startBuild(access: EditorAccess, order: BuildOrder, call: GateCall): Promise<Answer> {
  const { target, outputPath, scenes, options, development } = order;
  const args = {
    action: 'build',
    target,
    output_path: outputPath,
    ...(scenes ? { scenes: JSON.stringify(scenes) } : {}),
    ...(options ? { options: JSON.stringify(options) } : {}),
    ...(development === undefined ? {} : { development: String(development) }),
  };
  const answer = classify(await callTool(access, TOOL, args, call, access.timeouts.buildStartMs));
  if (answer.kind !== 'refused' || !/build is already in progress/i.test(answer.message)) return answer;
  return { kind: 'away', reason: 'another build runs in this editor', retryAfterMs: OTHER_BUILD_RETRY_MS };
}

async function buildStatus(
  access: EditorAccess,
  jobId: string | null,
  signal: AbortSignal,
): Promise<BuildStatus> {
  const args = { action: 'status', ...(jobId === null ? {} : { job_id: jobId }) };
  const reply = await callTool(access, TOOL, args, { signal }, access.timeouts.readMs);
  const { isError, body } =
    reply.kind === 'result' ? toolAnswerOf(reply.result) : { isError: true, body: null };
  if (!isError && body !== null) {
    if (body['success'] === true) {
      const build = editorBuildOf(body);
      return build === null ? { kind: 'none' } : { kind: 'build', build };
    }
    const text = cleanText(body['message']) || cleanText(body['error']);
    if (/\bjobs?\b/i.test(text) && /\b(?:no|not|unknown)\b/i.test(text)) return { kind: 'none' };
  }
  return silent(reasonOf(classify(reply)));
}

/** Null for an answer that names no build. */
export function editorBuildOf(body: Readonly<Record<string, unknown>>): EditorBuild | null {
  const data = isRecord(body['data']) ? body['data'] : {};
  const said = cleanText(data['result'] ?? data['state'] ?? data['status'], 50).toLowerCase();
  const state = body['_mcp_status'] === 'pending' ? 'running' : STATES[said];
  if (state === undefined) return null;
  const pollS = numberOf(body['_mcp_poll_interval']);
  const sizeMb = numberOf(data['total_size_mb']);
  const durationS = numberOf(data['duration_seconds']);
  return {
    jobId: cleanText(data['job_id'], 200) || null,
    state,
    outputPath: cleanText(data['output_path'], 1_000) || null,
    platform: cleanText(data['platform'], 100) || null,
    totalBytes: sizeMb === null ? null : Math.round(sizeMb * 1024 * 1024),
    durationMs: durationS === null ? null : Math.round(durationS * 1_000),
    warnings: numberOf(data['warnings'] ?? data['total_warnings']),
    error: cleanText(data['error'] ?? data['error_message'], 1_000) || null,
    percent: percentOf(data),
    pollMs: pollS === null ? null : pollS * 1_000,
  };
}

const STATES: Readonly<Record<string, EditorBuild['state']>> = {
  pending: 'running',
  building: 'running',
  running: 'running',
  succeeded: 'succeeded',
  success: 'succeeded',
  failed: 'failed',
  cancelled: 'cancelled',
  skipped: 'cancelled',
};

function percentOf(data: Readonly<Record<string, unknown>>): number | null {
  const percent = numberOf(data['percent'] ?? data['progress_percent']);
  return percent === null ? null : Math.min(100, Math.max(0, percent));
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null;
}

async function buildTraces(
  access: EditorAccess,
  build: BuildIntent,
  signal: AbortSignal,
): ReturnType<BuildGate['traces']> {
  const args = {
    action: 'get',
    count: CONSOLE_LINES,
    filter_text: CONSOLE_MARK,
    format: 'plain',
    include_stacktrace: false,
  };
  const reply = await callTool(access, 'read_console', args, { signal }, access.timeouts.readMs);
  const { body } = reply.kind === 'result' ? toolAnswerOf(reply.result) : { body: null };
  if (body?.['success'] !== true) return silent(reasonOf(classify(reply)));
  const console = readConsole(textsIn(body['data']), build.outputPath);
  const onDisk = access.folder && (await outputBytes(access.folder, build));
  return { kind: 'traces', ...console, outputBytes: onDisk };
}

/** Pure. A failure's line does not name the output path, so only a success can be told apart from other builds'. */
export function readConsole(
  lines: readonly string[],
  outputPath: string,
): Pick<BuildTraces, 'succeeded' | 'lastLine'> {
  const marked = lines.filter((line) => line.includes(CONSOLE_MARK));
  const succeeded = marked.some(
    (line) => /succeeded/i.test(line) && line.replaceAll('\\', '/').includes(outputPath),
  );
  return { succeeded, lastLine: cleanText(marked.at(-1), 1_000) || null };
}

/** Every text in an answer, whatever it is wrapped in: servers differ. */
function textsIn(value: unknown, depth = 0): string[] {
  if (typeof value === 'string') return value.split('\n').slice(0, CONSOLE_LINES * 10);
  if (typeof value !== 'object' || value === null || depth > 3) return [];
  return Object.values(value).flatMap((member) => textsIn(member, depth + 1));
}

function reasonOf(answer: Answer): string {
  switch (answer.kind) {
    case 'away':
    case 'not_executed':
    case 'unknown':
      return answer.reason;
    case 'refused':
      return answer.message;
    default:
      return `the editor answered "${answer.kind}" to a question`;
  }
}
