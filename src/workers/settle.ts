import type { Command } from '../commands/envelope.js';
import type { SparkEvent } from '../events/event.js';
import type { Claims } from './claims.js';
import type { TrackedItem } from './inFlight.js';
import type { BadCommand, OriginalMessage, PartitionLog } from './ports.js';
import type { RecentEnds } from './recentEnds.js';
import { completedEvent, failedEvent, rejectedEvent, startedEvent } from './recorder.js';
import type { Task, Verdict } from './task.js';
import type { WorkerDependencies } from './workerOptions.js';
import type { WorkerState } from './workerState.js';

type Final = Extract<Verdict, { kind: 'completed' | 'failed' }>;

export interface SettleContext {
  readonly deps: WorkerDependencies;
  readonly state: WorkerState;
  readonly claims: Claims;
  readonly ends: RecentEnds;
  readonly logOf: (editor: string) => PartitionLog;
  /** Tells the parking that a fetched command has ended. */
  readonly parkedEnded: (parkedSeq: number, command: Command) => void;
  readonly fatal: (error: unknown) => void;
}

/**
 * The one place where a command ends: terminal event first, then the dead letter where there is one, then the acknowledgement. The
 * worker's state takes the event at once (so the lane goes on), but nobody outside sees an end that is not stored.
 */
export function settle(task: Task, verdict: Final, context: SettleContext): void {
  const { deps, state, claims } = context;
  const timestamp = new Date(deps.clock.nowMs()).toISOString();
  const durationMs = task.beganMs === undefined ? null : deps.clock.monotonicMs() - task.beganMs;
  const events = finalEvents(task, verdict, durationMs, timestamp, context);
  for (const event of events) state.apply(event, deps.clock.nowMs());
  deps.faultPoint('before_finish');
  record(context, task.command.editor, events, async () => {
    deps.faultPoint('after_finish');
    if (verdict.kind === 'failed' && verdict.exhausted) await deadLetterOf(task, verdict, context);
    // Only now: until the end is stored, a redelivery must still meet the claim, and a question must hear "started".
    claims.release(task.command.commandId);
    for (const event of events) if (event.kind !== 'started') context.ends.record(event);
    deps.listener.finished(
      task.command.type,
      verdict.kind === 'completed' ? 'completed' : verdict.outcome,
      durationMs,
    );
    deps.faultPoint('before_ack');
    if (task.origin.kind === 'stream') task.origin.item.settle();
    else context.parkedEnded(task.origin.parkedSeq, task.command);
  });
}

/** A publish that is no command: told to its session when that can be read, kept as a dead letter, and the lane goes on. */
export function reject(
  bad: BadCommand,
  original: OriginalMessage,
  done: () => void,
  context: SettleContext,
): void {
  const { deps, state } = context;
  const { sessionId } = bad;
  const timestamp = new Date(deps.clock.nowMs()).toISOString();
  const events = sessionId === null ? [] : [rejectedEvent({ ...bad, sessionId }, timestamp)];
  for (const event of events) state.apply(event, deps.clock.nowMs());
  record(context, bad.editor ?? '', events, async () => {
    await deps.deadLetters.append({
      reason: bad.refusal.code,
      attempts: 0,
      lastError: bad.refusal.message,
      original,
      commandId: bad.commandId,
      sessionId,
      editor: bad.editor,
      position: bad.position,
    });
    deps.listener.deadLettered(bad.refusal.code);
    done();
  });
}

function finalEvents(
  task: Task,
  verdict: Final,
  durationMs: number | null,
  timestamp: string,
  context: SettleContext,
): SparkEvent[] {
  if (verdict.kind === 'failed') {
    // Told without a `started`: it never started. Everything else has one, so that each story has a beginning and an end.
    const neverStarted =
      verdict.outcome === 'expired' || verdict.outcome === 'rejected' || verdict.outcome === 'cancelled';
    return [
      ...(neverStarted ? [] : startedNow(task, timestamp, context)),
      failedEvent(task, verdict, durationMs, timestamp),
    ];
  }
  return [...startedNow(task, timestamp, context), completedEvent(task, verdict, durationMs ?? 0, timestamp)];
}

/** For commands that ended before anything was called: the beginning and the end go to the log together. */
function startedNow(task: Task, timestamp: string, context: SettleContext): SparkEvent[] {
  if (task.started) return [];
  const token = { epoch: context.logOf(task.command.editor).epoch, call: 0 };
  task.started = startedEvent(task.command, token, null, timestamp);
  return [task.started];
}

function record(
  context: SettleContext,
  editor: string,
  events: readonly SparkEvent[],
  then: () => Promise<void>,
): void {
  const stored = events.length === 0 ? Promise.resolve() : context.logOf(editor).append(events);
  stored.then(then).catch(context.fatal);
}

async function deadLetterOf(
  task: Task,
  verdict: Extract<Final, { kind: 'failed' }>,
  context: SettleContext,
): Promise<void> {
  const { command } = task;
  await context.deps.deadLetters.append({
    reason: verdict.error.code,
    attempts: task.attempts,
    lastError: verdict.error.message,
    original: originalOf(task),
    commandId: command.commandId,
    sessionId: command.sessionId,
    editor: command.editor,
    position: command.position,
  });
  context.deps.listener.deadLettered(verdict.error.code);
}

/** The message as it was published; a parked command is shown as the publish that would make it again. */
function originalOf(task: Task): OriginalMessage {
  const { command, origin } = task;
  const item: TrackedItem | undefined = origin.kind === 'stream' ? origin.item : undefined;
  if (item && item.delivery.items.length === 1) return item.delivery.original;
  return {
    subject: `spark.commands.${command.editor}.${command.type}.${command.sessionId}`,
    headers: command.idempotencyKey === null ? {} : { 'Spark-Idempotency-Key': command.idempotencyKey },
    data: new TextEncoder().encode(JSON.stringify(command.payload)),
  };
}
