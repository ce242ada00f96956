import { runBuild } from '../../commands/runBuild.js';
import type { BuildIntent } from '../../events/event.js';
import { watchBuild } from '../builds/buildWatch.js';
import { NOTHING_SEEN } from '../builds/decideBuild.js';
import type { Answer } from '../editor.js';
import { CancelledError } from '../lanes/cancellation.js';
import { failed, type Task, type Verdict } from '../lanes/task.js';
import { tryAgain } from '../lanes/tryAgain.js';
import type { ExecuteContext } from './executeContext.js';

/** Inside the build's own folder; targets that are not here build a folder. */
const PLAYERS: Readonly<Record<string, string>> = {
  windows64: 'Player.exe',
  osx: 'Player.app',
  linux64: 'Player.x86_64',
  android: 'Player.apk',
};

/** `Builds/{target}/{command id}`, and in it the player's name where the target is one file: nobody else's build goes there. */
export function outputPathOf(target: string, commandId: string): string {
  const folder = `Builds/${target}/${commandId}`;
  const player = PLAYERS[target];
  return player === undefined ? folder : `${folder}/${player}`;
}

/**
 * run_build: intent → start, once → watched beside the lane. After a start that may have been sent it is only ever looked for; what was
 * certainly not started may be tried again.
 */
export async function executeBuild(
  task: Task,
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<Verdict> {
  const { editor, commandId, payload } = task.command;
  const order = runBuild.parse(payload);
  const { target } = order;
  const build = task.started?.build ?? { outputPath: outputPathOf(target, commandId), target };
  if (task.started && task.mayHaveRun) return watched(task, build, null, context, signal);
  // An editor that is away is told apart before the intent: after it, a restart could not know that nothing was sent.
  const readiness = await context.gate.readiness(editor, signal);
  if (readiness.state === 'away')
    return { kind: 'hold', reason: readiness.reason, retryAfterMs: readiness.retryAfterMs };
  if (!task.started) await context.recordStarted(task, { build });
  context.faultPoint('after_intent');
  // The wish may have come while we asked whether the editor is there.
  if (task.cancel) throw new CancelledError();
  task.attempts++;
  // Until the answer says otherwise: what throws in the middle must not lead to a second call.
  task.mayHaveRun = true;
  task.calledMs = context.clock.monotonicMs();
  const answer = await context.gate.builds.start(
    editor,
    { ...order, ...build },
    { token: context.nextToken(task.command), commandId, attempt: task.attempts, signal },
  );
  context.faultPoint('after_call');
  return settleStart(task, build, answer, context, signal);
}

function settleStart(
  task: Task,
  build: BuildIntent,
  answer: Answer,
  context: ExecuteContext,
  signal: AbortSignal,
): Verdict {
  switch (answer.kind) {
    case 'done': {
      const jobId = answer.data['job_id'];
      task.mustDrain = false;
      return watched(task, build, typeof jobId === 'string' ? jobId : null, context, signal);
    }
    case 'unknown':
      task.mustDrain = true;
      task.lastError = answer.reason;
      return watched(task, build, null, context, signal);
    case 'away':
      task.mayHaveRun = false;
      task.attempts--;
      return { kind: 'hold', reason: answer.reason, retryAfterMs: answer.retryAfterMs };
    case 'not_executed': {
      task.mayHaveRun = false;
      const verdict = tryAgain(task, answer.reason, context, answer.retryAfterMs);
      return verdict.kind === 'failed' ? { ...verdict, build } : verdict;
    }
    case 'refused':
      return { ...failed('failed', { code: answer.code, message: answer.message }), build } as Verdict;
    case 'stale':
    case 'exists':
      return failed('failed', {
        code: 'unexpected_answer',
        message: `a build cannot be answered with "${answer.kind}"`,
      });
  }
}

function watched(
  task: Task,
  build: BuildIntent,
  jobId: string | null,
  context: ExecuteContext,
  signal: AbortSignal,
): Verdict {
  return { kind: 'detached', done: watchBuild(task, build, { ...NOTHING_SEEN, jobId }, context, signal) };
}
