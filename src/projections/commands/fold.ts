import { CATALOGUE } from '../../commands/catalogue.js';
import { isoTimeMs } from '../../core/isoTime.js';
import type { EventEnvelope, LoggedEvent } from '../../events/event.js';
import type { EventText, TextPieces } from '../../events/eventText.js';
import { type CommandState, isTerminal, stateAfter } from '../../events/outcome.js';
import { targetPathOf } from '../audit/targetPath.js';

/** Of an envelope, what a command's row keeps: a batch holds it until its end, so the payload goes. */
type KeptEnvelope = Omit<EventEnvelope, 'payload' | 'traceparent'>;

/** What tells how a command moved. Times are epoch milliseconds. */
export interface CommandOutline {
  readonly commandId: string;
  readonly sessionId: string;
  readonly editor: string;
  readonly state: CommandState;
  /** When it was accepted, as far as its events tell; null where they tell no time. */
  readonly acceptedAtMs: number | null;
  readonly startedAtMs: number | null;
  readonly finishedAtMs: number | null;
}

/** What the events of one command say about it. */
export interface CommandChange extends CommandOutline {
  readonly type: string;
  readonly attempts: number;
  /** Null until an event has repeated the envelope. */
  readonly envelope: KeptEnvelope | null;
  /** The file or folder it is about, as the event with the envelope says; null: none. */
  readonly path: string | null;
  readonly error: { readonly code: string } | null;
  /** Null also where `said` has it. */
  readonly result: unknown;
  /** `result` or `error` as its event's text has it; null where they have to be written anew. */
  readonly said: TextPieces | null;
  readonly firstSeq: number;
  readonly lastSeq: number;
}

const TYPE_BY_EVENT_NAME = new Map<string, string>(
  Object.values(CATALOGUE).map((definition) => [definition.eventName, definition.type]),
);

/**
 * The command after one more of its events, in log order. A terminal state is final: later events change nothing. Folding a
 * batch and merging it into the table (write.ts) gives the same row as folding everything at once.
 */
export function evolveCommand(
  before: CommandChange | undefined,
  logged: LoggedEvent,
  text?: EventText,
): CommandChange | undefined {
  const { event, seq, tsMs } = logged;
  if (event.kind === 'noted' || (before !== undefined && isTerminal(before.state))) return before;
  const base = before ?? firstChange(logged);
  const state = stateAfter(event);
  switch (event.kind) {
    case 'started': {
      const envelope = base.envelope ?? kept(event.envelope);
      return {
        ...base,
        state,
        envelope,
        acceptedAtMs: base.envelope ? base.acceptedAtMs : timeOf(envelope.acceptedAt),
        path: base.envelope ? base.path : targetPathOf(event.envelope, event.intent),
        type: envelope.type,
        attempts: Math.max(base.attempts, 1),
        startedAtMs: base.startedAtMs ?? tsMs,
        lastSeq: seq,
      };
    }
    case 'completed': {
      const attempts = Math.max(base.attempts, event.attempts);
      const said = text?.result ?? null;
      const result = said === null ? event.result : null;
      return { ...base, state, attempts, finishedAtMs: tsMs, result, said, lastSeq: seq };
    }
    case 'failed': {
      const envelope = base.envelope ?? (event.envelope ? kept(event.envelope) : null);
      return {
        ...base,
        state,
        type: envelope?.type ?? base.type,
        envelope,
        acceptedAtMs: base.envelope ? base.acceptedAtMs : timeOf(envelope?.acceptedAt),
        path: base.envelope || !event.envelope ? base.path : targetPathOf(event.envelope, null),
        attempts: Math.max(base.attempts, event.attempts),
        finishedAtMs: tsMs,
        error: event.error,
        said: text?.error ?? null,
        lastSeq: seq,
      };
    }
  }
}

function firstChange({ event, seq }: LoggedEvent): CommandChange {
  return {
    commandId: event.commandId,
    sessionId: event.sessionId,
    editor: event.editor,
    state: 'started',
    acceptedAtMs: null,
    startedAtMs: null,
    finishedAtMs: null,
    type: event.kind === 'started' ? event.envelope.type : typeOfEvent(event.type),
    attempts: 0,
    envelope: null,
    path: null,
    error: null,
    result: null,
    said: null,
    firstSeq: seq,
    lastSeq: seq,
  };
}

function kept(envelope: EventEnvelope): KeptEnvelope {
  return {
    type: envelope.type,
    idempotencyKey: envelope.idempotencyKey,
    actor: envelope.actor,
    correlationId: envelope.correlationId,
    causationId: envelope.causationId,
    deadline: envelope.deadline,
    priority: envelope.priority,
    payloadSha: envelope.payloadSha,
    acceptedAt: envelope.acceptedAt,
  };
}

/** Only for a command whose envelope is gone from the log: its type by the name of its event. */
function typeOfEvent(eventType: string): string {
  const name = eventType.slice(0, eventType.lastIndexOf('.'));
  return TYPE_BY_EVENT_NAME.get(name) ?? name;
}

/** What stays to be known of a change whose row is written. */
export function outlineOf(change: CommandChange): CommandOutline {
  const { commandId, sessionId, editor, state, acceptedAtMs, startedAtMs, finishedAtMs } = change;
  return { commandId, sessionId, editor, state, acceptedAtMs, startedAtMs, finishedAtMs };
}

/** An ISO time of a client or a worker as epoch ms; null when it is none. */
export function timeOf(iso: string | null | undefined): number | null {
  if (iso === null || iso === undefined) return null;
  const ms = isoTimeMs(iso);
  return Number.isNaN(ms) ? null : ms;
}
