import type { FileChange, Probe } from '../editor.js';
import type { Task, Verdict } from '../lanes/task.js';
import { type Current, decideScript, type ScriptCommand } from './decide.js';
import type { ExecuteContext } from './executeContext.js';
import { converge, prepare, resume } from './fileChange.js';

/** generate_script, apply_patch, delete_script: look, decide, record the intent, then bring the file there. */
export async function executeScript(
  task: Task,
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<Verdict> {
  if (task.change) return converge(task, task.change, context, signal);
  if (task.started?.intent) return resume(task, task.started.intent, 'apply', context, signal);
  const { editor, type, payload } = task.command;
  const script = { type, payload } as ScriptCommand;
  const probe = await context.gate.probe(editor, script.payload.path, signal);
  if (probe.state === 'away') return { kind: 'hold', reason: probe.reason, retryAfterMs: probe.retryAfterMs };
  if (probe.state === 'refused')
    return { kind: 'failed', outcome: 'failed', error: { code: probe.code, message: probe.message } };
  const current = currentOf(probe);
  const decision = decideScript(script, current);
  if (decision.kind === 'failed') return decision;
  if (decision.kind === 'unchanged')
    return {
      kind: 'completed',
      result: { path: script.payload.path, sha256: current?.sha256, unchanged: true },
    };
  const missingFolders = probe.state === 'absent' ? (probe.missingFolders ?? []) : [];
  return applyDecided(task, decision.change, missingFolders, context, signal);
}

async function applyDecided(
  task: Task,
  change: FileChange,
  missingFolders: readonly string[],
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<Verdict> {
  const { command } = task;
  const target = {
    editor: command.editor,
    direction: 'apply',
    operationId: command.commandId,
    tool: command.type,
    missingFolders,
    createdFolders: [],
  } as const;
  const prepared = await prepare(task, target, change, context);
  if (!prepared.ok) return prepared.verdict;
  return converge(task, prepared.change, context, signal);
}

export function currentOf(probe: Probe): Current {
  return probe.state === 'present' ? { sha256: probe.sha256, ...probe.content } : undefined;
}
