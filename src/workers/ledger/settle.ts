import type { Command } from '../../commands/envelope.js';
import { isEnd, type SparkEvent } from '../../events/event.js';
import type { TrackedItem } from '../lanes/inFlight.js';
import type { FinalVerdict, Task, Verdict } from '../lanes/task.js';
import type { BadCommand, OriginalMessage, PartitionLog } from '../ports.js';
import type { WorkerDependencies } from '../workerOptions.js';
import type { Claims } from './claims.js';
import { KEY_TAKEN, KeyTakenError, keyTakenVerdict } from './keyRace.js';
import type { PendingEnds } from './pendingEnds.js';
import type { RecentEnds } from './recentEnds.js';
import { completedEvent, failedEvent, rejectedEvent, startedEvent, usageEvent } from './recorder.js';
import type { WorkerState } from './workerState.js';

export interface SettleContext {
  readonly deps: WorkerDependencies;
  readonly state: WorkerState;
  readonly claims: Claims;
  readonly ends: RecentEnds;
  /** Throws when the editor's partition is another worker's. */
  readonly logOf: (editor: string) => PartitionLog;
  readonly logOfPartition: (partition: number) => PartitionLog;
  readonly pending: PendingEnds;
  /** Whether somebody else might use the command's key at this moment. */
  readonly contended: (command: Command) => boolean;
  /** Stores the events of a command that has not begun; false when another partition's beginning of the same key stands before them. */
  readonly storeFirst: (command: Command, append: () => Promise<number>) => Promise<boolean>;
  /** Resolves when everything that other workers have told so far is known here. */
  readonly level: () => Promise<void>;
  /** Whether another command has used its key. */
  readonly keyTaken: (command: Command) => boolean;
  /** Ends it as a publish whose key was another command's. */
  readonly taken: (task: Task) => void;
  /** Tells the parking that a fetched command has ended. */
  readonly parkedEnded: (parkedSeq: number, command: Command) => void;
  readonly fatal: (error: unknown) => void;
}

/**
 * The one place where a command ends: terminal event first, then the dead letter where there is one, then the acknowledgement. The
 * worker's state takes the event at once (so the lane goes on), but nobody outside sees an end that is not stored.
 */
export function settle(task: Task, verdict: FinalVerdict, context: SettleContext): void {
  const { deps, state, claims } = context;
  const { editor } = task.command;
  const first = !task.started && context.contended(task.command);
  if (first && context.keyTaken(task.command)) {
    context.taken(task);
    return;
  }
  const log = context.logOf(editor);
  const timestamp = new Date(deps.clock.nowMs()).toISOString();
  const durationMs = task.beganMs === undefined ? null : deps.clock.monotonicMs() - task.beganMs;
  const events = finalEvents(task, verdict, durationMs, timestamp, context);
  for (const event of events) state.apply(event, deps.clock.nowMs());
  deps.faultPoint('before_finish');
  const stored = first
    ? context.storeFirst(task.command, () => log.append(events))
    : log.append(events).then(() => true);
  const told = stored.then(async (counts) => {
    if (!counts) return context.taken(task);
    deps.faultPoint('after_finish');
    if (verdict.kind === 'failed' && verdict.exhausted) await deadLetterOf(task, verdict, context);
    state.owed.paid(task.command.position);
    // Only now: until the end is stored, a redelivery must still meet the claim, and a question must hear "started".
    claims.release(task.command.commandId);
    for (const event of events) if (isEnd(event)) context.ends.record(event);
    deps.listener.finished(
      task.command.type,
      verdict.kind === 'completed' ? 'completed' : verdict.outcome,
      durationMs,
    );
    deps.faultPoint('before_ack');
    if (task.origin.kind === 'stream') task.origin.item.settle();
    else context.parkedEnded(task.origin.parkedSeq, task.command);
  });
  context.pending.add(deps.partitionOf(editor), told).catch(context.fatal);
}

/**
 * A command of a lane that ends before anything was called, and whose key somebody else might use: that is found out about while its
 * session still waits. Only what happens in this very moment is left to the order of the log (`storeFirst`).
 */
export async function endedByItsKey(
  task: Task,
  verdict: Verdict,
  { contended, level, keyTaken }: Pick<SettleContext, 'contended' | 'level' | 'keyTaken'>,
): Promise<Verdict> {
  const ends = verdict.kind === 'completed' || verdict.kind === 'failed';
  if (!ends || task.started || !contended(task.command)) return verdict;
  await level();
  return keyTaken(task.command) ? keyTakenVerdict(new KeyTakenError(KEY_TAKEN)) : verdict;
}

/** A publish that is no command: told to its session when that can be read, kept as a dead letter, and the lane goes on. */
export function reject(
  bad: BadCommand,
  original: OriginalMessage,
  done: () => void,
  context: SettleContext,
): void {
  const { deps, state } = context;
  const { sessionId, position } = bad;
  const { partition } = position;
  const timestamp = new Date(deps.clock.nowMs()).toISOString();
  const events = sessionId === null ? [] : [rejectedEvent({ ...bad, sessionId }, timestamp)];
  // The letter first: once the event is stored, a redelivery counts as done, and nobody would write the letter any more.
  const recorded = async () => {
    await deps.deadLetters.append({
      reason: bad.refusal.code,
      attempts: 0,
      lastError: bad.refusal.message,
      original,
      commandId: bad.commandId,
      sessionId,
      editor: bad.editor,
      position,
    });
    // By where it was delivered: what fits no partition has come to the first, whatever editor it seems to name.
    const log = context.logOfPartition(partition);
    for (const event of events) state.apply(event, deps.clock.nowMs());
    if (events.length > 0) await log.append(events);
    deps.listener.deadLettered(bad.refusal.code);
    done();
  };
  context.pending.add(partition, recorded()).catch(context.fatal);
}

function finalEvents(
  task: Task,
  verdict: FinalVerdict,
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
  return [
    ...startedNow(task, timestamp, context),
    ...(verdict.usage ?? []).map((usage, at) => usageEvent(task.command, usage, at, timestamp)),
    completedEvent(task, verdict, durationMs ?? 0, timestamp),
  ];
}

/** For commands that ended before anything was called: the beginning and the end go to the log together. */
function startedNow(task: Task, timestamp: string, context: SettleContext): SparkEvent[] {
  if (task.started) return [];
  const token = { epoch: context.logOf(task.command.editor).epoch, call: 0 };
  task.started = startedEvent(task.command, token, null, timestamp);
  return [task.started];
}

async function deadLetterOf(
  task: Task,
  verdict: Extract<FinalVerdict, { kind: 'failed' }>,
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

/** The message as it was published; a parked command, or one of an envelope, as the publish that would make it again. */
function originalOf({ command, origin }: Task): OriginalMessage {
  const item: TrackedItem | undefined = origin.kind === 'stream' ? origin.item : undefined;
  return item && item.delivery.items.length === 1 ? item.delivery.original : publishOf(command);
}

/** The raw publish that asks for this command, with what travels beside its payload. */
export function publishOf(command: Command): OriginalMessage {
  const { editor, type, sessionId, payload } = command;
  const headers = {
    'Spark-Idempotency-Key': command.idempotencyKey,
    'Spark-Actor': command.actor,
    'Spark-Correlation-Id': command.correlationId,
    'Spark-Causation-Id': command.causationId,
    'Spark-Deadline': command.deadline,
    'Spark-Priority': String(command.priority),
    traceparent: command.traceparent,
  };
  return {
    subject: `spark.commands.${editor}.${type}.${sessionId}`,
    headers: Object.fromEntries(
      Object.entries(headers).flatMap(([name, value]) => (value === null ? [] : [[name, value]])),
    ),
    data: new TextEncoder().encode(JSON.stringify(payload)),
  };
}

/**
 * A command that comes again after its end. Where the worker died between the end and its dead letter, the letter is written now;
 * then, or at once, `done`.
 */
export function payOwedLetter(
  command: Command,
  done: () => void,
  { deps, state, fatal }: SettleContext,
): void {
  state.done.add(command.position);
  const end = state.owed.get(command.position);
  if (!end) {
    done();
    return;
  }
  const { commandId, sessionId, editor, position } = command;
  deps.deadLetters
    .append({
      reason: end.error.code,
      attempts: end.attempts,
      lastError: end.error.message,
      original: publishOf(command),
      commandId,
      sessionId,
      editor,
      position,
    })
    .then(() => {
      state.owed.paid(position);
      done();
    })
    .catch(fatal);
}
