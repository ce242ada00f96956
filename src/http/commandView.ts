import { z } from 'zod';
import { type LoggedEvent, streamTimeOf, type TerminalEvent } from '../events/event.js';
import { COMMAND_STATES, type CommandState, isTerminal, stateAfter } from '../events/outcome.js';
import type { CommandBeginning, CommandStatus } from './ports.js';
import type { CommandRow, ReadSource } from './readPort.js';
import type { AcceptedHere } from './recentAccepts.js';

export const commandState = z.enum(COMMAND_STATES);

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
  seq: z
    .int()
    .nullable()
    .describe(
      'Place of its newest event in the log, as far as who answered knows it: what `Spark-Read-After` and spark.wait_for_seq take',
    ),
  waiting: z
    .object({ reason: z.string(), since: z.string().nullable() })
    .optional()
    .describe('Why it has not ended yet, where the worker can tell'),
  result: z.unknown().optional().describe('Of a command that completed'),
  error: failure.optional().describe('Of a command that ended in any other way'),
  reconciled: z
    .looseObject({ verdict: z.string(), text: z.string(), actor: z.string(), at: z.string() })
    .optional()
    .describe('Of an unknown outcome: what an operator found out'),
  source: z
    .enum(['replica', 'primary', 'worker', 'feed', 'ingest'])
    .describe('Who knew: a read model, the worker, the live log, or this process that accepted it'),
});

export type CommandView = z.infer<typeof commandView>;

export function viewOfRow(row: CommandRow, source: ReadSource): CommandView {
  const { commandId, type, sessionId, editor, actor, idempotencyKey, attempts, state } = row;
  const { acceptedAt, startedAt, finishedAt, seq } = row;
  return {
    ...{ commandId, status: state, state, type, sessionId, editor, actor, idempotencyKey, attempts },
    ...{ acceptedAt, startedAt, finishedAt, seq },
    ...outcomeOf(state, row.result, { ...asRecord(row.result), code: row.errorCode }),
    source,
  };
}

export function viewOfStatus(status: CommandStatus): CommandView {
  const { commandId, state, attempts, outcome, waiting } = status;
  return {
    ...bare(commandId, state),
    attempts,
    ...(waiting && !isTerminal(state) ? { waiting } : {}),
    ...outcomeOf(state, outcome?.result, asRecord(outcome?.error)),
    source: 'worker',
  };
}

/** A command by its terminal event; `tsMs` is what the read models call its time, so the two agree. */
export function viewOfEnd(event: TerminalEvent, logged: Pick<LoggedEvent, 'tsMs' | 'seq'>): CommandView {
  const state = stateAfter(event);
  const base = { ...bare(event.commandId, state), sessionId: event.sessionId, editor: event.editor };
  const outcome =
    event.kind === 'completed' ? outcomeOf(state, event.result, {}) : outcomeOf(state, null, event.error);
  const finishedAt = streamTimeOf(logged);
  const { seq } = logged;
  return { ...base, attempts: event.attempts, finishedAt, seq, ...outcome, source: 'feed' };
}

/** With what this process saw of its beginning: times of the stream, not of the clock that accepted it. */
export function withBeginning(view: CommandView, beginning: CommandBeginning | undefined): CommandView {
  if (!beginning) return view;
  const { type, actor, idempotencyKey, acceptedAt, startedAt } = beginning;
  const started = view.state === 'accepted' ? view.startedAt : (startedAt ?? view.startedAt);
  return { ...view, type, actor, idempotencyKey, acceptedAt, startedAt: started };
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
  const waiting = isTerminal(ahead.state) ? undefined : (ahead.waiting ?? behind.waiting);
  const merged: CommandView = {
    ...ahead,
    attempts: Math.max(a.attempts, b.attempts),
    ...(waiting ? { waiting } : {}),
  };
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
  return { commandId, status: state, state, ...unknown, attempts: 0, ...times, seq: null };
}

function outcomeOf(
  state: CommandState,
  result: unknown,
  error: Readonly<Record<string, unknown>>,
): Pick<CommandView, 'result' | 'error' | 'reconciled'> {
  if (!isTerminal(state)) return {};
  if (state === 'completed') return { result: result ?? null };
  const { reconciled, ...own } = error;
  const code = typeof own['code'] === 'string' ? own['code'] : state;
  const message = typeof own['message'] === 'string' ? own['message'] : `the command ended as ${state}`;
  const said = commandView.shape.reconciled.safeParse(reconciled);
  return { error: { ...own, code, message }, ...(said.data ? { reconciled: said.data } : {}) };
}

function asRecord(value: unknown): Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}
