import { sha256 } from '../../core/ids.js';
import type { EventError } from '../../events/event.js';
import type { Probe } from '../editor.js';
import { failed, type Task, type Unit, type Verdict } from '../lanes/task.js';
import { conflictOf, type Direction } from '../undo/decideUndo.js';
import type { Operation } from '../undo/sessionHistory.js';
import { convergeUnit, prepareUnit, resumeUnit, type UnitChange } from '../undo/unit.js';
import { bytesOfContent, bytesOfImage, contentProblem } from '../undo/unitSize.js';
import { waiting } from '../undo/unitTelling.js';
import type { ExecuteContext } from './executeContext.js';
import { currentOf } from './executeScript.js';
import { type FileGoal, goalsOf } from './fileGoals.js';
import { restored } from './fileImages.js';
import { directionOf } from './targetOf.js';

/** Files and conflicts that a result or an error names; the counts are of all. */
const FILES_TOLD = 200;
const CONFLICTS_TOLD = 20;

/** Moves several operations as one: looks at every file, decides, records the intent with all of them, then goes file by file. */
export async function executeGroup(
  task: Task,
  operations: readonly Operation[],
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<Verdict> {
  const direction = directionOf(task.command);
  const result = (unit: Unit) => resultOf(task, unit);
  if (task.unit) return convergeUnit(task, task.unit, context, signal, result);
  if (task.started?.intents) {
    const resumed = await resumeUnit(task, task.started.intents, direction, context);
    return resumed.ok ? convergeUnit(task, resumed.unit, context, signal, result) : resumed.verdict;
  }
  if (operations.length === 0) return nothingToDo(task);
  const decided = goalsOf(operations, direction, context.undoLog);
  if (!decided.ok) return conflict([decided.error]);
  // Judged from the log before a byte is loaded: a worker that runs out of memory here would do so again at every delivery.
  const tooLarge = contentProblem(bytesOfGoals(decided.goals));
  if (tooLarge) return failed('failed', tooLarge);
  const changes = await lookAtAll(task, decided.goals, direction, context, signal);
  if (!changes.ok) return changes.verdict;
  const prepared = await prepareUnit(task, direction, changes.changes, context);
  return prepared.ok ? convergeUnit(task, prepared.unit, context, signal, result) : prepared.verdict;
}

type Looked =
  | { readonly ok: true; readonly changes: readonly UnitChange[] }
  | { readonly ok: false; readonly verdict: Verdict };

/** Nothing is written before every file has been found as its operations left it. */
async function lookAtAll(
  task: Task,
  goals: readonly FileGoal[],
  direction: Direction,
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<Looked> {
  const changes: UnitChange[] = [];
  const conflicts: EventError[] = [];
  let held = 0;
  for (const goal of goals) {
    const { operation, operationIds, moves } = goal;
    const { editor, path, tool, createdFolders = [] } = operation;
    const probe = await context.gate.probe(editor, path, signal);
    const blocked = blockedBy(probe, path);
    if (blocked) return { ok: false, verdict: waiting(task, blocked, editor) };
    const current = currentOf(probe) ?? null;
    const found = conflictIn(goal, direction, probe, context);
    if (found) {
      conflicts.push(found);
      continue;
    }
    const after = await restored(moves, current, context.images);
    if (after === undefined) return { ok: false, verdict: imageGone(operation, moves.at(-1)?.to?.sha256) };
    const change = { path, before: current, after, restore: true };
    // What lies there may be larger than the log says: a `.meta` that has grown.
    held += bytesOfContent(current) + bytesOfContent(after);
    const tooLarge = contentProblem(held);
    if (tooLarge) return { ok: false, verdict: failed('failed', tooLarge) };
    changes.push({ editor, tool, change, operationIds, missingFolders: [], createdFolders });
  }
  return conflicts.length > 0 ? { ok: false, verdict: conflict(conflicts) } : { ok: true, changes };
}

const bytesOfGoals = (goals: readonly FileGoal[]): number =>
  goals.reduce(
    (sum, { operation: { before, after } }) => sum + bytesOfImage(before) + bytesOfImage(after),
    0,
  );

/** The conflict that a file of a group is in, if any; what was probed is a file or its absence. */
export function conflictIn(
  goal: FileGoal,
  direction: Direction,
  probe: Probe,
  { undoLog }: Pick<ExecuteContext, 'undoLog'>,
): EventError | undefined {
  const current = currentOf(probe);
  const metaSha = current?.meta ? sha256(current.meta) : null;
  return conflictOf(goal.operation, direction, current, metaSha, undoLog, goal);
}

function blockedBy(probe: Probe, path: string): Verdict | undefined {
  if (probe.state === 'away') return { kind: 'hold', reason: probe.reason, retryAfterMs: probe.retryAfterMs };
  if (probe.state === 'refused')
    return failed('failed', {
      code: probe.code,
      message: `${path}: ${probe.message}; nothing was changed`,
      path,
    });
  return undefined;
}

function conflict(conflicts: readonly EventError[]): Verdict {
  const [first] = conflicts;
  if (!first) throw new Error('a conflict without one');
  const operationId = first['operationId'] as string;
  const more = conflicts.length > 1 ? { conflicts: conflicts.slice(0, CONFLICTS_TOLD) } : {};
  const message =
    conflicts.length > 1 ? `${first.message} (and ${conflicts.length - 1} more files)` : first.message;
  return { kind: 'failed', outcome: 'conflict', error: { ...first, message, ...more }, operationId };
}

function imageGone({ operationId, path }: Operation, sha: string | undefined): Verdict {
  return failed('failed', {
    code: 'image_missing',
    message: `the image ${sha} of operation ${operationId} on ${path} is not in the image store; nothing was changed`,
    path,
  });
}

function nothingToDo(task: Task): Verdict {
  const message = 'nothing stands that is newer: there was nothing to undo';
  return { kind: 'completed', result: { ...aboutOf(task), operations: 0, files: [], message } };
}

function aboutOf({ command }: Task): Readonly<Record<string, unknown>> {
  return command.type === 'session.rollback' ? { to: (command.payload as { to: string }).to } : {};
}

function resultOf(task: Task, { files }: Unit): Readonly<Record<string, unknown>> {
  const operations = files.flatMap(({ operationIds }) => operationIds);
  const told = files.slice(0, FILES_TOLD).map(({ done, prepared: { change, editor } }) => ({
    editor,
    path: change.path,
    sha256: done?.result['sha256'] ?? null,
    bytes: done?.result['bytes'] ?? null,
    ...(done?.result['warning'] === undefined ? {} : { warning: done.result['warning'] }),
  }));
  const omitted = files.length - told.length;
  return {
    ...aboutOf(task),
    operations: operations.length,
    ...(operations.length <= FILES_TOLD ? { operationIds: operations } : {}),
    files: told,
    ...(omitted > 0 ? { filesOmitted: omitted } : {}),
  };
}
