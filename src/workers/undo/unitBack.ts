import type { FileChange, FileContent } from '../editor.js';
import type { ExecuteContext } from '../execute/executeContext.js';
import { currentOf } from '../execute/executeScript.js';
import { converge } from '../execute/fileChange.js';
import {
  newTask,
  type PreparedChange,
  type Task,
  type Unit,
  type UnitFile,
  type Verdict,
} from '../lanes/task.js';
import { movesOfUnit } from './unitMoves.js';
import { waiting } from './unitTelling.js';

type Failed = Extract<Verdict, { kind: 'failed' }>;

/** The way back of a unit that cannot go on: newest first, each file only if it still is as we left it; then the unit's end. */
export async function takeBack(
  task: Task,
  unit: Unit,
  failure: NonNullable<Unit['failure']>,
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<Verdict> {
  const begun = unit.files.slice(0, unit.files.indexOf(failure.file) + 1).toReversed();
  for (const file of begun) {
    const waits = await restore(file, unit, context, signal);
    if (waits) return waiting(task, waits, file.prepared.editor);
  }
  return endOf(task, unit, failure, begun, context);
}

/** Undefined: this file's way back has ended. */
async function restore(
  file: UnitFile,
  unit: Unit,
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<Verdict | undefined> {
  if (file.back === undefined) {
    const waits = await begin(file, unit, context, signal);
    if (waits) return waits;
  }
  if (typeof file.back !== 'object') return undefined;
  const verdict = await converge(file.back.task, file.back.prepared, context, signal);
  if (verdict.kind === 'hold' || verdict.kind === 'retry') return verdict;
  file.back = verdict.kind === 'completed' ? 'taken_back' : 'stays';
  return undefined;
}

async function begin(
  file: UnitFile,
  unit: Unit,
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<Verdict | undefined> {
  const { editor, change, waypoints, createdFolders } = file.prepared;
  if (file.task.mustDrain) {
    const readiness = await context.gate.drain(editor, signal);
    if (readiness.state === 'away')
      return { kind: 'hold', reason: readiness.reason, retryAfterMs: readiness.retryAfterMs };
    file.task.mustDrain = false;
  }
  const probe = await context.gate.probe(editor, change.path, signal);
  if (probe.state === 'away') return { kind: 'hold', reason: probe.reason, retryAfterMs: probe.retryAfterMs };
  const at =
    probe.state === 'refused' ? -1 : waypoints.lastIndexOf(probe.state === 'present' ? probe.sha256 : '');
  const still = file.done ? at === waypoints.length - 1 : at > 0;
  if (!still || waypoints.length === 1) {
    file.back = at === 0 ? 'untouched' : 'stays';
    return undefined;
  }
  const current = currentOf(probe) ?? null;
  const back = { path: change.path, before: current, after: whatWas(change, current), restore: true };
  const plan = context.gate.plan(back);
  if (!plan.ok) {
    file.back = 'stays';
    return undefined;
  }
  const prepared: PreparedChange = {
    ...file.prepared,
    ...{ change: back, steps: plan.steps, waypoints: plan.waypoints },
    direction: unit.direction === 'undo' ? 'redo' : 'undo',
    missingFolders: [],
    createdFolders: file.done?.change?.operation.createdFolders ?? createdFolders,
  };
  file.back = { task: newTask(file.task.command, file.task.origin, undefined), prepared };
  return undefined;
}

/** What was there before; of a file that stayed its `.meta` only where the one lies there that we have put in its place. */
function whatWas({ before, after }: FileChange, current: FileContent | null): FileContent | null {
  if (!before || !current) return before;
  const isOurs = after?.meta && current.meta && Buffer.compare(after.meta, current.meta) === 0;
  return isOurs ? before : { bytes: before.bytes, meta: current.meta };
}

function endOf(
  task: Task,
  unit: Unit,
  { file: failing, verdict }: NonNullable<Unit['failure']>,
  begun: readonly UnitFile[],
  context: ExecuteContext,
): Failed {
  const stay = unit.files.filter(({ done, back }) => done && back === 'stays');
  const takenBack = begun.filter(({ done, back }) => done && back !== 'stays').length;
  const unknown =
    verdict.outcome === 'outcome_unknown' && begun.some(({ done, back }) => !done && back === 'stays');
  const { path } = failing.prepared.change;
  const rest =
    stay.length > 0
      ? `; ${stay.length} files could not be taken back, because they are not as SPARK left them`
      : `; ${takenBack} files that had been changed were taken back`;
  const { error, outcome } = verdict;
  const { operationId } = failing.prepared;
  return {
    kind: 'failed',
    outcome: stay.length > 0 || unknown ? 'outcome_unknown' : known(outcome),
    error: {
      ...error,
      message: `${error.message}${rest}`,
      path,
      editor: failing.prepared.editor,
      takenBack,
      ...(stay.length > 0
        ? { notTakenBack: stay.map(({ prepared }) => prepared.change.path).slice(0, 100) }
        : {}),
    },
    ...(unit.direction !== 'apply' && outcome === 'conflict' ? { operationId } : {}),
    ...(stay.length > 0 ? { changes: movesOfUnit(task, unit, stay, context) } : {}),
    ...(verdict.exhausted ? { exhausted: true } : {}),
  };
}

/** What was unknown has been looked at, and is as it was. */
const known = (outcome: Failed['outcome']): Failed['outcome'] =>
  outcome === 'outcome_unknown' ? 'failed' : outcome;
