import { z } from 'zod';
import type { SparkEvent } from '../events/event.js';
import { type CommandState, isTerminal, stateAfter } from '../events/outcome.js';
import type { CommandStatus } from './ports.js';
import type { CommandRow, ReadSource } from './readPort.js';
import type { AcceptedHere } from './recentAccepts.js';

export const commandState = z.enum([
  'accepted',
  'started',
  'completed',
  'failed',
  'rejected',
  'conflict',
  'outcome_unknown',
  'cancelled',
]);

const failure = z.looseObject({ code: z.string(), message: z.string() });

/** A command as HTTP shows it. What a source does not know is null, or absent before it can exist. */
export const commandView = z.object({
  commandId: z.string(),
  status: commandState,
  state: commandState.describe('The same as `status`, under the name of its column in spark_commands'),
  type: z.string().nullable(),
  sessionId: z.string().nullable(),
  editor: z.string().nullable(),
  actor: z.string().nullable(),
  idempotencyKey: z.string().nullable(),
  attempts: z.int(),
  acceptedAt: z.string().nullable(),
  startedAt: z.string().nullable(),
  finishedAt: z.string().nullable(),
  result: z.unknown().optional().describe('Of a command that completed'),
  error: failure.optional().describe('Of a command that ended in any other way'),
  source: z
    .enum(['replica', 'primary', 'worker', 'feed', 'ingest'])
    .describe('Who knew: a read model, the worker, the live log, or this process that accepted it'),
});

export type CommandView = z.infer<typeof commandView>;
type Failure = z.infer<typeof failure>;

export function viewOfRow(row: CommandRow, source: ReadSource): CommandView {
  const { commandId, type, sessionId, editor, actor, idempotencyKey, attempts, state } = row;
  const { acceptedAt, startedAt, finishedAt } = row;
  return {
    ...{ commandId, status: state, state, type, sessionId, editor, actor, idempotencyKey, attempts },
    ...{ acceptedAt, startedAt, finishedAt },
    ...outcomeOf(state, row.result, { ...asRecord(row.result), code: row.errorCode }),
    source,
  };
}

export function viewOfStatus(status: CommandStatus): CommandView {
  const { commandId, state, attempts, outcome } = status;
  return {
    ...bare(commandId, state),
    attempts,
    ...outcomeOf(state, outcome?.result, asRecord(outcome?.error)),
    source: 'worker',
  };
}

export function viewOfEvent(event: SparkEvent): CommandView {
  const state = stateAfter(event);
  const base = { ...bare(event.commandId, state), sessionId: event.sessionId, editor: event.editor };
  if (event.kind === 'started') return { ...base, startedAt: event.timestamp, source: 'feed' };
  const outcome =
    event.kind === 'completed' ? outcomeOf(state, event.result, {}) : outcomeOf(state, null, event.error);
  return { ...base, attempts: event.attempts, finishedAt: event.timestamp, ...outcome, source: 'feed' };
}

export function viewOfAccepted(commandId: string, accepted: AcceptedHere): CommandView {
  return { ...bare(commandId, 'accepted'), ...accepted, source: 'ingest' };
}

/**
 * The more advanced of two, with the other's fields where it has none itself: a worker knows that a command is done before
 * the read model does, the read model knows who asked for it.
 */
export function moreAdvanced(a: CommandView, b: CommandView): CommandView {
  const [ahead, behind] = rank(b.state) > rank(a.state) ? [b, a] : [a, b];
  const merged: CommandView = { ...ahead, attempts: Math.max(a.attempts, b.attempts) };
  return {
    ...merged,
    type: ahead.type ?? behind.type,
    sessionId: ahead.sessionId ?? behind.sessionId,
    editor: ahead.editor ?? behind.editor,
    actor: ahead.actor ?? behind.actor,
    idempotencyKey: ahead.idempotencyKey ?? behind.idempotencyKey,
    acceptedAt: ahead.acceptedAt ?? behind.acceptedAt,
    startedAt: ahead.startedAt ?? behind.startedAt,
    finishedAt: ahead.finishedAt ?? behind.finishedAt,
  };
}

function rank(state: CommandState): number {
  if (state === 'accepted') return 0;
  return isTerminal(state) ? 2 : 1;
}

function bare(commandId: string, state: CommandState): Omit<CommandView, 'source'> {
  const unknown = { type: null, sessionId: null, editor: null, actor: null, idempotencyKey: null };
  const times = { acceptedAt: null, startedAt: null, finishedAt: null };
  return { commandId, status: state, state, ...unknown, attempts: 0, ...times };
}

function outcomeOf(
  state: CommandState,
  result: unknown,
  error: Readonly<Record<string, unknown>>,
): { result?: unknown; error?: Failure } {
  if (!isTerminal(state)) return {};
  if (state === 'completed') return { result: result ?? null };
  const code = typeof error['code'] === 'string' ? error['code'] : state;
  const message = typeof error['message'] === 'string' ? error['message'] : `the command ended as ${state}`;
  return { error: { ...error, code, message } };
}

function asRecord(value: unknown): Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}
