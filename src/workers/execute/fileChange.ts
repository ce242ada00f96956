import type { FileIntent } from '../../events/event.js';
import type { Answer, FileChange, Probe } from '../editor.js';
import { failed, type PreparedChange, type Task, type Verdict } from '../lanes/task.js';
import { tryAgain } from '../lanes/tryAgain.js';
import { pruneFolders, recordFolders, stageFolders } from './createdFolders.js';
import type { ExecuteContext } from './executeContext.js';
import { imageOf, loaded, storeImages } from './fileImages.js';
import { metaWarning, placeOf, wantsNotice } from './filePlace.js';

type Prepared =
  | { readonly ok: true; readonly change: PreparedChange }
  | { readonly ok: false; readonly verdict: Verdict };

/** Images first, then the intent: whoever reads the intent finds the bytes it names. */
export async function prepare(
  task: Task,
  target: Omit<PreparedChange, 'change' | 'steps' | 'waypoints'>,
  change: FileChange,
  context: ExecuteContext,
): Promise<Prepared> {
  const plan = context.gate.plan(change);
  if (!plan.ok)
    return {
      ok: false,
      verdict: failed('failed', { code: plan.code, message: plan.message, path: change.path }),
    };
  const { steps, waypoints } = plan;
  await storeImages(context.images, change.before, change.after);
  const prepared: PreparedChange = { change, ...target, steps, waypoints };
  task.change = prepared;
  await context.recordStarted(task, {
    path: change.path,
    editor: target.editor,
    before: imageOf(change.before),
    after: imageOf(change.after),
    waypoints,
    operationId: target.operationId,
    missingFolders: target.missingFolders,
  });
  context.faultPoint('after_intent');
  return { ok: true, change: prepared };
}

/** After a restart: the same plan again from the stored images. The probe tells how far the earlier owner came. */
export async function resume(
  task: Task,
  intent: FileIntent,
  direction: PreparedChange['direction'],
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<Verdict> {
  const operationId = intent.operationId ?? task.command.commandId;
  const operation =
    direction === 'apply' ? undefined : context.undoLog.findOperation(task.command.sessionId, operationId);
  const prepared = await preparedAgain(
    intent,
    {
      direction,
      operationId,
      tool: operation?.tool ?? task.command.type,
      createdFolders: operation?.createdFolders ?? [],
    },
    context,
  );
  if (prepared === undefined) return imageMissing(intent.path);
  task.change = prepared;
  return converge(task, prepared, context, signal);
}

export const imageMissing = (path: string): Verdict =>
  failed('outcome_unknown', {
    code: 'image_missing',
    message: `the images of the intent on ${path} are not in the image store`,
    path,
  });

/** The change behind a stored intent, planned again; undefined when an image of it is gone. */
export async function preparedAgain(
  intent: FileIntent,
  about: Pick<PreparedChange, 'direction' | 'operationId' | 'tool' | 'createdFolders'>,
  context: Pick<ExecuteContext, 'gate' | 'images'>,
): Promise<PreparedChange | undefined> {
  const [before, after] = await Promise.all([
    loaded(intent.before, context.images),
    loaded(intent.after, context.images),
  ]);
  if (before === undefined || after === undefined) return undefined;
  const change = { path: intent.path, before, after, restore: about.direction !== 'apply' };
  const plan = context.gate.plan(change);
  const same = plan.ok && plan.waypoints.join() === intent.waypoints.join();
  return {
    editor: intent.editor,
    ...about,
    change,
    // Another build may plan otherwise: then only the ends of the road are known, and in between nothing is touched.
    steps: same ? plan.steps : [],
    waypoints: same ? plan.waypoints : intent.waypoints,
    missingFolders: intent.missingFolders,
  };
}

/**
 * Looks where the file stands on the planned road and takes the next step until it has arrived. The probe decides, never the
 * answer of a call: lost replies, ghosts, false successes and crashes all come down to looking again.
 */
export async function converge(
  task: Task,
  prepared: PreparedChange,
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<Verdict> {
  const end = prepared.waypoints.length - 1;
  let asked = false;
  for (;;) {
    if (task.mustDrain) {
      const readiness = await context.gate.drain(prepared.editor, signal);
      if (readiness.state === 'away')
        return { kind: 'hold', reason: readiness.reason, retryAfterMs: readiness.retryAfterMs };
      task.mustDrain = false;
    }
    const probe = await context.gate.probe(prepared.editor, prepared.change.path, signal);
    context.faultPoint('after_probe');
    if (probe.state === 'away')
      return { kind: 'hold', reason: probe.reason, retryAfterMs: probe.retryAfterMs };
    if (probe.state === 'refused')
      return failed('outcome_unknown', { code: probe.code, message: probe.message });
    const at = placeOf(prepared, probe);
    const isUnnoticed = !asked && at === end && wantsNotice(prepared, probe);
    if (at === end && !isUnnoticed) return arrived(task, prepared, probe, context, signal);
    if (isUnnoticed) {
      asked = true;
      const verdict = await takeStep(task, prepared, end - 1, context, signal);
      if (verdict) return verdict;
      continue;
    }
    if (at < 0) return offTheRoad(task, prepared, probe);
    const again = task.calledAt === at || task.calledAt === 'somewhere';
    if (again && task.attempts >= context.retry.maxAttempts) return exhausted(task, at);
    if (again) task.attempts++;
    const verdict = await takeStep(task, prepared, at, context, signal);
    if (verdict) return verdict;
  }
}

/** Undefined: look again. */
async function takeStep(
  task: Task,
  prepared: PreparedChange,
  at: number,
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<Verdict | undefined> {
  const step = prepared.steps[at];
  if (!step)
    return failed('outcome_unknown', {
      code: 'plan_changed',
      message: 'another build began this change and stopped half way',
    });
  if (at === 0 && prepared.direction === 'redo' && prepared.change.before === null) {
    const waits = await stageFolders(task, prepared, context, signal);
    if (waits) return waits;
  }
  task.attempts = Math.max(1, task.attempts);
  task.calledAt = undefined;
  const { commandId } = task.command;
  const call = { token: context.nextToken(task.command), commandId, attempt: task.attempts, signal };
  const answer = await context.gate.run(prepared.editor, step, call).catch((error: unknown) => {
    task.mayHaveRun = task.mustDrain = true;
    throw error;
  });
  context.faultPoint('after_call');
  // Whatever comes of it, this call was the attempt; only one that an editor away or busy did not take counts for nothing.
  if (answer.kind !== 'away') task.calledAt = at;
  return settleAnswer(task, at, answer, context);
}

function settleAnswer(task: Task, at: number, answer: Answer, context: ExecuteContext): Verdict | undefined {
  switch (answer.kind) {
    case 'done':
      // A success is no proof: if the file still stands where it stood, this was an attempt that failed.
      task.mayHaveRun = true;
      task.lastError = 'the editor reported success, but the file did not change';
      return undefined;
    case 'unknown':
      task.mayHaveRun = true;
      task.mustDrain = true;
      task.lastError = answer.reason;
      return undefined;
    case 'stale':
    case 'exists':
      task.lastError =
        answer.kind === 'stale'
          ? 'the editor holds another version of the file'
          : 'the editor says that the file exists';
      return undefined;
    case 'away':
      return { kind: 'hold', reason: answer.reason, retryAfterMs: answer.retryAfterMs };
    case 'not_executed': {
      const verdict = tryAgain(task, answer.reason, context, answer.retryAfterMs);
      return at > 0 && verdict.kind === 'failed' ? { ...verdict, outcome: 'outcome_unknown' } : verdict;
    }
    case 'refused':
      return at === 0
        ? failed('failed', { code: answer.code, message: answer.message })
        : failed('outcome_unknown', {
            code: answer.code,
            message: `refused half way, the file is at step ${at}: ${answer.message}`,
          });
  }
}

async function arrived(
  task: Task,
  prepared: PreparedChange,
  probe: Probe,
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<Verdict> {
  if (prepared.direction === 'undo' && probe.state === 'absent') {
    const waits = await pruneFolders(task, prepared, context, signal);
    if (waits) return waits;
  }
  const createdFolders = await recordFolders(prepared, context, signal);
  const { change, direction, operationId, editor, tool } = prepared;
  const after = probe.state === 'present' ? probe.content : null;
  await storeImages(context.images, null, after?.meta ? { bytes: after.meta, meta: null } : null);
  const image = imageOf(after, probe.state === 'present' ? probe.guid : null);
  const before = imageOf(change.before);
  const [first, last] = direction === 'undo' ? [image, before] : [before, image];
  const warning = metaWarning(change, after);
  return {
    kind: 'completed',
    result: {
      operationId,
      path: change.path,
      editor,
      sha256: image?.sha256 ?? null,
      bytes: image?.bytes ?? null,
      beforeSha256: before?.sha256 ?? null,
      ...(image?.meta?.guid ? { guid: image.meta.guid } : {}),
      ...(warning === undefined ? {} : { warning }),
    },
    change: {
      direction,
      operation: {
        operationId,
        editor,
        path: change.path,
        tool,
        before: first,
        after: last,
        ...(createdFolders.length > 0 ? { createdFolders } : {}),
      },
    },
  };
}

function offTheRoad(task: Task, prepared: PreparedChange, probe: Probe): Verdict {
  const { path } = prepared.change;
  const error = {
    path,
    expectedSha256: prepared.waypoints[0] || null,
    currentSha256: probe.state === 'present' ? probe.sha256 : null,
  };
  if (task.mayHaveRun)
    return {
      ...failed('outcome_unknown', {
        code: 'changed_meanwhile',
        message: `${path} is neither as it was nor as intended, and a call may have run: look at the file before you go on`,
        ...error,
      }),
    };
  const conflict = failed('conflict', {
    code: 'conflict',
    message: `${path} was changed by somebody else meanwhile; nothing was written`,
    ...error,
  });
  return prepared.direction === 'apply' || conflict.kind !== 'failed'
    ? conflict
    : { ...conflict, operationId: prepared.operationId };
}

function exhausted(task: Task, at: number): Verdict {
  const error = {
    code: 'attempts_exhausted',
    message: `gave up after ${task.attempts} attempts: ${task.lastError ?? 'no answer'}`,
  };
  return { kind: 'failed', outcome: at === 0 ? 'failed' : 'outcome_unknown', error, exhausted: true };
}
