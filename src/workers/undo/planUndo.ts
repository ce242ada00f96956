import { deadline } from '../../core/deadline.js';
import { unifiedDiff } from '../../core/unifiedDiff.js';
import { buildsBehind } from '../builds/rolledBackBuilds.js';
import { conflictIn } from '../execute/executeGroup.js';
import { currentOf } from '../execute/executeScript.js';
import { type FileGoal, goalsOf } from '../execute/fileGoals.js';
import { contentOf } from '../execute/fileImages.js';
import type { WorkerState } from '../ledger/workerState.js';
import type { UndoPlanRequest } from '../ports.js';
import type { WorkerDependencies } from '../workerOptions.js';
import { findRollback } from './decideRollback.js';
import { type Direction, findTarget, imagesOf } from './decideUndo.js';
import type { UndoLog } from './undoLog.js';

const PLAN_TIMEOUT_MS = 8_000;
/** What an answer tells; the counts are of all. */
const FILES_TOLD = 200;
const DIFF_CHARS = 256 * 1024;

type PlanDeps = Pick<WorkerDependencies, 'gate' | 'images' | 'clock'>;
/** A worker's state, as far as a plan needs it. */
type PlanState = Pick<WorkerState, 'undoLog' | 'builds'>;
type Refused = { readonly ok: false; readonly code: string; readonly message: string };

interface PlannedFile {
  readonly editor: string;
  readonly path: string;
  readonly operationIds: readonly string[];
  /** Unified diff; absent where the answer would have become too long. */
  readonly diff?: string;
}

/** What an undo, redo or rollback would do now: the very decision its command would make, and a diff of each file. Nothing is changed. */
export async function planUndo(
  { undoLog, builds }: PlanState,
  deps: PlanDeps,
  request: UndoPlanRequest,
): Promise<object> {
  const { sessionId, direction, operationId, to } = request;
  const target =
    direction === 'rollback'
      ? findRollback(undoLog, sessionId, to ?? operationId ?? '')
      : findTarget(undoLog, sessionId, direction, operationId);
  if (target.kind === 'failed') return { ok: false, code: target.error.code, message: target.error.message };
  const step = direction === 'redo' ? 'redo' : 'undo';
  const decided = goalsOf(target.operations, step, undoLog);
  if (!decided.ok) return { ok: false, ...decided.error };
  const limit = deadline(deps.clock, PLAN_TIMEOUT_MS);
  try {
    const files: PlannedFile[] = [];
    let room = DIFF_CHARS;
    for (const goal of decided.goals) {
      const planned = await planFile(goal, step, undoLog, deps, limit.signal);
      if ('ok' in planned) return planned;
      const { diff = '', ...file } = planned;
      room -= diff.length;
      files.push(room >= 0 ? { ...file, diff } : file);
    }
    // A member names its unit: whoever saw this plan can ask for exactly this.
    const named = direction === 'rollback' ? undefined : target.operations[0]?.operationId;
    const gone =
      direction === 'rollback' ? buildsBehind(undoLog, builds, sessionId, to ?? operationId ?? '') : [];
    return {
      ...planOf(files, target.operations.length, named),
      ...(gone.length > 0 ? { buildsRemoved: gone.map(({ build }) => build.outputPath) } : {}),
    };
  } finally {
    limit.clear();
  }
}

function planOf(all: readonly PlannedFile[], operations: number, operationId: string | undefined): object {
  const files = all.slice(0, FILES_TOLD);
  const [only] = all;
  const cut = files.length < all.length || all.some(({ diff }) => diff === undefined);
  return {
    ok: true,
    operations,
    ...(operationId === undefined ? {} : { operationId }),
    ...(all.length === 1 && only ? { editor: only.editor, path: only.path } : {}),
    files,
    diff: files.map(({ diff = '' }) => diff).join(''),
    ...(cut
      ? { cut: `not everything is shown: at most ${FILES_TOLD} files and ${DIFF_CHARS} characters of diff` }
      : {}),
    filesTotal: all.length,
  };
}

async function planFile(
  goal: FileGoal,
  direction: Direction,
  undoLog: UndoLog,
  { gate, images }: PlanDeps,
  signal: AbortSignal,
): Promise<PlannedFile | Refused> {
  const { editor, path, operationId } = goal.operation;
  const known = { operationId, editor, path };
  const probe = await gate.probe(editor, path, signal);
  if (probe.state === 'away')
    return { ok: false, code: 'editor_away', message: `editor ${editor} is away: ${probe.reason}`, ...known };
  if (probe.state === 'refused') return { ok: false, code: probe.code, message: probe.message, ...known };
  const conflict = conflictIn(goal, direction, probe, { undoLog });
  if (conflict) return { ok: false, ...conflict, ...known };
  const { to } = imagesOf(goal.operation, direction);
  const after = to === null ? null : await contentOf(to, images);
  if (after === undefined)
    return { ok: false, code: 'image_missing', message: 'its image is not in the image store', ...known };
  const diff = unifiedDiff(path, currentOf(probe)?.bytes ?? null, after?.bytes ?? null);
  return { editor, path, operationIds: goal.operationIds, diff };
}
