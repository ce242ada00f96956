import { type CommandDefinition, definitionOf } from '../../commands/catalogue.js';
import { assertNever, messageOf } from '../../core/errors.js';
import { STALE_TOKEN } from '../editor.js';
import { CancelledError, cancelledBy } from '../lanes/cancellation.js';
import { expiredAt } from '../lanes/expiry.js';
import { type FinalVerdict, failed, type Task, type Unit, type Verdict } from '../lanes/task.js';
import { tryAgain } from '../lanes/tryAgain.js';
import { OvertakenError } from '../ledger/beginning.js';
import { KEY_TAKEN, KeyTakenError, keyTakenVerdict } from '../ledger/keyRace.js';
import { movesOfUnit } from '../undo/unitMoves.js';
import { executeAsset } from './executeAsset.js';
import { executeBuild } from './executeBuild.js';
import { executeBuildStatus } from './executeBuildStatus.js';
import { executeCompensation } from './executeCompensation.js';
import type { ExecuteContext } from './executeContext.js';
import { executeDeconstruct } from './executeDeconstruct.js';
import { executePreset } from './executePreset.js';
import { executePreview } from './executePreview.js';
import { executeRecord } from './executeRecord.js';
import { executeScript } from './executeScript.js';
import { executeService } from './executeService.js';
import { executeTool } from './executeTool.js';
import { withNameWarning } from './nameWarning.js';
import { targetEditors } from './targetOf.js';

type Failed = Extract<FinalVerdict, { kind: 'failed' }>;

/**
 * One go at a command: intent → call → probe, as reliability.md says. Whatever happens comes back as a verdict; what throws is the end
 * of this worker's ownership (fenced, closed, aborted), and the command stays open for the next owner.
 */
export async function execute(task: Task, context: ExecuteContext, signal: AbortSignal): Promise<Verdict> {
  const { command } = task;
  task.beganMs ??= context.clock.monotonicMs();
  // A command that has started is finished whatever its deadline: its effect may be there already.
  const expired = task.started ? undefined : expiredAt(command, context.clock.nowMs());
  if (expired) return expired;
  const definition = definitionOf(command.type);
  if (!definition)
    return failed('failed', { code: 'unknown_command', message: `this build does not know ${command.type}` });
  if (!task.started && context.keyTaken(command)) return keyTakenVerdict(new KeyTakenError(KEY_TAKEN));
  context.faultPoint('before_intent');
  const go = () =>
    run(definition, task, editors, context, signal).catch((error: unknown) =>
      poisoned(task, error, context, signal),
    );
  // What an undo is about may have been told by another worker a moment ago.
  if (definition.effect === 'compensation') await context.level();
  const editors = targetEditors(task, context.undoLog);
  if (definition.lane === 'beside') return told(await go(), task, context);
  // Another lane's editor: wait for it in this session only, or its long call would hold up this whole lane.
  const busy = editors.find((editor) => editor !== command.editor && context.busy(editor));
  // A flooded editor is never seen idle: after a while it waits in line.
  const patient = context.clock.monotonicMs() - task.beganMs < BUSY_PATIENCE_MS;
  if (busy !== undefined && patient)
    return { kind: 'retry', reason: `editor ${busy} is busy`, afterMs: BUSY_RETRY_MS };
  // Its worker may have died in the middle: whoever goes on there must find the files as that undo has left them.
  if (!task.started && context.reachedOver(command.editor)) return REACHED_OVER;
  const verdict = await alone(editors, context, async () =>
    // Nobody's attempt and nobody's fault: whoever needs the editor waits until the build is done.
    editors.some((editor) => buildRunsOn(editor, task, context))
      ? BUILD_RUNS
      : told(await go(), task, context),
  );
  // Another editor than the lane's own is away: only this session waits, the lane goes on.
  if (verdict.kind === 'hold' && !editors.includes(command.editor))
    return { kind: 'retry', reason: verdict.reason, afterMs: Math.max(500, verdict.retryAfterMs) };
  return verdict;
}

const buildRunsOn = (editor: string, { command }: Task, { jobs, clock }: ExecuteContext): boolean =>
  jobs.runningOn(editor, command.commandId, clock.monotonicMs());

/** With every editor locked, one inside the other, in the order given. */
function alone(
  [first, ...rest]: readonly string[],
  context: ExecuteContext,
  go: () => Promise<Verdict>,
): Promise<Verdict> {
  return first === undefined ? go() : context.exclusive(first, () => alone(rest, context, go));
}

function told(verdict: Verdict, task: Task, context: ExecuteContext): Verdict {
  if (verdict.kind === 'retry') context.retried(task.command.type);
  return verdict;
}

/** Whose ownership has ended throws on; anything else is this command's own trouble, and its lane goes on after its attempts. */
function poisoned(task: Task, error: unknown, context: ExecuteContext, signal: AbortSignal): Verdict {
  if (error instanceof CancelledError && task.cancel) return cancelledBy(task.cancel);
  if (error instanceof OvertakenError)
    return { kind: 'failed', outcome: 'conflict', error: { code: error.code, message: error.message } };
  if (error instanceof KeyTakenError) return keyTakenVerdict(error);
  const code = (error as { code?: unknown } | null)?.code;
  // A number is a verdict of the stream server (disk full, no stream): nobody's command is to blame.
  if (signal.aborted || typeof code === 'number' || ENDS_OWNERSHIP.has(String(code))) throw error;
  task.attempts++;
  const verdict = tryAgain(task, messageOf(error), context, 500);
  if (verdict.kind !== 'failed') return verdict;
  return task.unit ? givenUp(task, task.unit, verdict, context) : mayHaveRunAs(task, verdict);
}

const mayHaveRunAs = (task: Task, verdict: Failed): Failed =>
  task.mayHaveRun ? { ...verdict, outcome: 'outcome_unknown' } : verdict;

/** What a unit has written is taken back, in one more go; if that is no good either, the log says what stands. */
function givenUp(task: Task, unit: Unit, verdict: Failed, context: ExecuteContext): Verdict {
  const { files } = unit;
  // The first that is not done is the last that was begun; but taken up from the log, each file may be as intended.
  const next = files.find(({ done }) => !done);
  const file = next && unit.resumed ? files.at(-1) : next;
  const wrote = files.some((one) => one.done) || task.mayHaveRun;
  if (file && wrote && !unit.failure) {
    unit.failure = { file, verdict: mayHaveRunAs(file.task, verdict) };
    return { kind: 'retry', reason: verdict.error.message, afterMs: TAKE_BACK_MS };
  }
  const stand = files.filter(({ done, back }) => done && back !== 'taken_back');
  const end: Failed = wrote ? { ...verdict, outcome: 'outcome_unknown' } : verdict;
  return stand.length > 0 ? { ...end, changes: movesOfUnit(task, unit, stand, context) } : end;
}

const TAKE_BACK_MS = 500;

const BUSY_RETRY_MS = 50;
const BUSY_PATIENCE_MS = 2_000;
const REACHED_OVER: Verdict = {
  kind: 'retry',
  reason: 'an undo from another editor is under way here',
  afterMs: BUSY_RETRY_MS,
};
const BUILD_RUNS: Verdict = { kind: 'retry', reason: 'a build runs in this editor', afterMs: 250 };

const ENDS_OWNERSHIP = new Set(['fenced', 'log_closed', STALE_TOKEN]);

function run(
  definition: CommandDefinition,
  task: Task,
  editors: readonly string[],
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<Verdict> {
  switch (definition.effect) {
    case 'file_change':
      return executeScript(task, context, signal).then((verdict) => withNameWarning(task.command, verdict));
    case 'compensation':
      return executeCompensation(task, editors, context, signal);
    case 'composite':
      return executePreset(task, context, signal);
    case 'record':
      return executeRecord(task, context);
    case 'preview':
      return executePreview(task, context, signal);
    case 'job':
      return executeBuild(task, context, signal);
    case 'job_status':
      return executeBuildStatus(task, context, signal);
    case 'opaque':
      return executeTool(task, context, signal);
    case 'service':
      return executeService(task, context, signal);
    case 'asset':
      return executeAsset(task, context, signal);
    case 'inspect':
      return executeDeconstruct(task, context, signal);
    default:
      return assertNever(definition.effect);
  }
}
