import { callTool } from '../../commands/callTool.js';
import type { Answer } from '../editor.js';
import { CancelledError } from '../lanes/cancellation.js';
import { failed, type Task, type Verdict } from '../lanes/task.js';
import { tryAgain } from '../lanes/tryAgain.js';
import type { ExecuteContext } from './executeContext.js';

/** A tool's answer as a command's result: more than this is left out and said so. */
const MAX_RESULT_BYTES = 64 * 1024;

/**
 * call_tool: opaque, so at most once. Off unless switched on, and never for a raw publish, which shows no token. From the moment a call
 * may have been sent there is no second one: the outcome is then unknown until an operator reconciles it.
 */
export async function executeTool(
  task: Task,
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<Verdict> {
  const { command } = task;
  if (task.started && task.mayHaveRun)
    return outcomeUnknown(task.lastError ?? 'the worker stopped between the intent and the answer');
  const refusal = refusalOf(task, context);
  if (refusal) return refusal;
  const { tool, arguments: args } = callTool.parse(command.payload);
  // An editor that is away is told apart before the intent: after it, a restart could not know that nothing was sent.
  const readiness = await context.gate.readiness(command.editor, signal);
  if (readiness.state === 'away')
    return { kind: 'hold', reason: readiness.reason, retryAfterMs: readiness.retryAfterMs };
  if (!task.started) await context.recordStarted(task, null);
  context.faultPoint('after_intent');
  // The wish may have come while we asked whether the editor is there.
  if (task.cancel) throw new CancelledError();
  task.attempts++;
  // Until the answer says otherwise: what throws in the middle must not lead to a second call.
  task.mayHaveRun = true;
  const answer = await context.gate.callTool(command.editor, tool, args, {
    token: context.nextToken(command),
    commandId: command.commandId,
    attempt: task.attempts,
    signal,
  });
  context.faultPoint('after_call');
  return settleTool(task, answer, context);
}

function refusalOf({ command, started }: Task, { callTool: enabled }: ExecuteContext): Verdict | undefined {
  if (started) return undefined;
  if (command.via !== 'ingest')
    return failed('rejected', {
      code: 'forbidden',
      message:
        'unity.call_tool needs a token with the scope "exec", which a publish to NATS cannot show: send it to POST /v1/commands',
    });
  if (enabled) return undefined;
  return failed('rejected', {
    code: 'tool_calls_disabled',
    message: 'unity.call_tool is switched off; MCP_CALL_TOOL=on switches it on',
  });
}

function settleTool(task: Task, answer: Answer, context: ExecuteContext): Verdict {
  switch (answer.kind) {
    case 'done':
      return {
        kind: 'completed',
        result: { success: true, message: answer.message, data: capped(answer.data) },
      };
    case 'unknown':
      return outcomeUnknown(answer.reason);
    case 'away':
      task.mayHaveRun = false;
      task.attempts--;
      return { kind: 'hold', reason: answer.reason, retryAfterMs: answer.retryAfterMs };
    case 'not_executed':
      task.mayHaveRun = false;
      return tryAgain(task, answer.reason, context, answer.retryAfterMs);
    case 'refused':
      return failed('failed', { code: 'tool_failed', message: answer.message, toolCode: answer.code });
    case 'stale':
      return failed('failed', {
        code: 'tool_failed',
        message: 'the tool says that the file is another one than its precondition names',
        toolCode: 'stale_file',
        currentSha256: answer.currentSha256,
      });
    case 'exists':
      return failed('failed', {
        code: 'tool_failed',
        message: 'the tool says that the file exists',
        toolCode: 'exists',
      });
  }
}

function outcomeUnknown(reason: string): Verdict {
  return failed('outcome_unknown', {
    code: 'outcome_unknown',
    message: `the tool may have run and it is not called again (${reason}): look at the editor, then say what you found (POST /v1/commands/{id}/reconcile)`,
  });
}

function capped(data: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const bytes = Buffer.byteLength(JSON.stringify(data), 'utf8');
  return bytes <= MAX_RESULT_BYTES ? data : { truncated: true, bytes, limitBytes: MAX_RESULT_BYTES };
}
