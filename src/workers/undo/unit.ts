import type { FileIntent } from '../../events/event.js';
import type { FileChange } from '../editor.js';
import type { ExecuteContext } from '../execute/executeContext.js';
import { converge, imageMissing, preparedAgain } from '../execute/fileChange.js';
import { imageOf, storeImages } from '../execute/fileImages.js';
import {
  failed,
  newTask,
  type PreparedChange,
  type Task,
  type Unit,
  type UnitFile,
  type Verdict,
} from '../lanes/task.js';
import { takeBack } from './unitBack.js';
import { movesOfUnit } from './unitMoves.js';
import { bytesOfContent, contentProblem, intentProblem } from './unitSize.js';
import { tellProgress, waiting } from './unitTelling.js';

/** A file of a unit as decided: every file is looked at, and all is decided, before the first is written. */
export interface UnitChange
  extends Pick<PreparedChange, 'editor' | 'tool' | 'missingFolders' | 'createdFolders'> {
  readonly change: FileChange;
  /** The operations it makes or moves, oldest first. */
  readonly operationIds: readonly string[];
}

type Prepared =
  | { readonly ok: true; readonly unit: Unit }
  | { readonly ok: false; readonly verdict: Verdict };

/** Plans every file, stores all images, then the intent with all files: whoever reads it can tell how far each came. */
export async function prepareUnit(
  task: Task,
  direction: Unit['direction'],
  changes: readonly UnitChange[],
  context: ExecuteContext,
): Promise<Prepared> {
  const files: UnitFile[] = [];
  for (const item of changes) {
    const plan = context.gate.plan(item.change);
    if (!plan.ok) {
      const { path } = item.change;
      const error = { code: plan.code, message: `${path}: ${plan.message}; nothing was changed`, path };
      return { ok: false, verdict: failed('failed', error) };
    }
    const { steps, waypoints } = plan;
    const operationId = item.operationIds[0] ?? task.command.commandId;
    files.push(fileOf(task, { steps, ...item, waypoints, direction, operationId }, item.operationIds));
  }
  const intents = files.map(intentOf);
  const tooLarge = sizeProblem(intents, changes);
  if (tooLarge) return { ok: false, verdict: failed('failed', tooLarge) };
  for (const { change } of changes) await storeImages(context.images, change.before, change.after);
  // An operation's end may still be on its way to the log of another partition: its undo must not be stored before it.
  const others = new Set(
    changes.map(({ editor }) => editor).filter((editor) => editor !== task.command.editor),
  );
  for (const editor of others) await context.recorded(editor);
  const unit: Unit = { direction, files, resumed: false };
  task.unit = unit;
  await context.recordStarted(task, { intents });
  context.faultPoint('after_intent');
  return { ok: true, unit };
}

/** After a restart: every file planned again from its stored images; probing tells how far the earlier owner came. */
export async function resumeUnit(
  task: Task,
  intents: readonly FileIntent[],
  direction: Unit['direction'],
  context: ExecuteContext,
): Promise<Prepared> {
  const files: UnitFile[] = [];
  const drained = new Set<string>();
  for (const intent of intents) {
    const operationIds = intent.operationIds ?? [intent.operationId ?? task.command.commandId];
    const operations = operationIds.map((id) => context.undoLog.findOperation(task.command.sessionId, id));
    const about = {
      direction,
      operationId: operationIds[0] ?? task.command.commandId,
      tool: operations[0]?.tool ?? task.command.type,
      createdFolders: operations.flatMap((operation) => operation?.createdFolders ?? []),
    };
    const prepared = await preparedAgain(intent, about, context);
    if (prepared === undefined) return { ok: false, verdict: imageMissing(intent.path) };
    const file = fileOf(task, prepared, operationIds);
    // One ping behind everything that was sent is enough for an editor.
    const mustDrain = !drained.has(intent.editor);
    drained.add(intent.editor);
    Object.assign(file.task, { attempts: 1, mayHaveRun: true, calledAt: 'somewhere', mustDrain });
    files.push(file);
  }
  const unit: Unit = { direction, files, resumed: true };
  task.unit = unit;
  return { ok: true, unit };
}

/** Brings each file where it shall be, in order; when one cannot be, takes back those that were, newest first. */
export async function convergeUnit(
  task: Task,
  unit: Unit,
  context: ExecuteContext,
  signal: AbortSignal,
  resultOf: (unit: Unit) => Readonly<Record<string, unknown>>,
): Promise<Verdict> {
  for (const file of unit.files) {
    if (unit.failure) break;
    if (file.done) continue;
    const verdict = await convergeFile(task, file, context, signal);
    if (unit.resumed) forgetTheRest(unit, file);
    if (verdict.kind === 'completed') {
      file.done = verdict;
      tellProgress(task, unit, file, context);
    } else if (verdict.kind === 'failed') unit.failure = { file, verdict };
    else return waiting(task, verdict, file.prepared.editor);
  }
  if (unit.failure) return takeBack(task, unit, unit.failure, context, signal);
  const changes = unit.files.length === 0 ? undefined : movesOfUnit(task, unit, unit.files, context);
  return { kind: 'completed', result: resultOf(unit), ...(changes ? { changes } : {}) };
}

/** One file; what was called for it is the command's own past too, however the call ended. */
async function convergeFile(
  task: Task,
  file: UnitFile,
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<Verdict> {
  try {
    return await converge(file.task, file.prepared, context, signal);
  } finally {
    task.attempts = Math.max(task.attempts, file.task.attempts);
    if (file.task.mayHaveRun) task.mayHaveRun = true;
  }
}

/** The first file that was not as intended is where the earlier owner stopped: those behind it were not begun. */
function forgetTheRest(unit: Unit, file: UnitFile): void {
  if (file.task.calledAt === 'somewhere') return;
  unit.resumed = false;
  for (const later of unit.files.slice(unit.files.indexOf(file) + 1))
    Object.assign(later.task, { attempts: 0, mayHaveRun: false, calledAt: undefined, mustDrain: false });
}

function fileOf(task: Task, prepared: PreparedChange, operationIds: readonly string[]): UnitFile {
  return { prepared, operationIds, task: newTask(task.command, task.origin, undefined) };
}

function intentOf({ prepared, operationIds }: UnitFile): FileIntent {
  const { change, editor, waypoints, operationId, missingFolders } = prepared;
  return {
    path: change.path,
    editor,
    before: imageOf(change.before),
    after: imageOf(change.after),
    waypoints,
    operationId,
    ...(operationIds.length > 1 ? { operationIds } : {}),
    missingFolders,
  };
}

function sizeProblem(intents: readonly FileIntent[], changes: readonly UnitChange[]) {
  const operations = changes.reduce((sum, { operationIds }) => sum + operationIds.length, 0);
  const held = changes.reduce(
    (sum, { change }) => sum + bytesOfContent(change.before) + bytesOfContent(change.after),
    0,
  );
  return intentProblem(intents, operations) ?? contentProblem(held);
}
