import { CATALOGUE } from '../../commands/catalogue.js';
import type { EventEnvelope, LoggedEvent } from '../../events/event.js';
import { type CommandState, isTerminal, stateAfter } from '../../events/outcome.js';
import { targetPathOf } from '../audit/targetPath.js';

/** What the events of one command say about it. Times are epoch milliseconds. */
export interface CommandChange {
  readonly commandId: string;
  readonly type: string;
  readonly sessionId: string;
  readonly editor: string;
  readonly state: CommandState;
  readonly attempts: number;
  /** Null until an event has repeated the envelope. */
  readonly envelope: EventEnvelope | null;
  /** The file or folder it is about, as the event with the envelope says; null: none. */
  readonly path: string | null;
  readonly startedAtMs: number | null;
  readonly finishedAtMs: number | null;
  readonly error: { readonly code: string } | null;
  readonly result: unknown;
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
): CommandChange | undefined {
  const { event, seq, tsMs } = logged;
  if (event.kind === 'noted' || (before !== undefined && isTerminal(before.state))) return before;
  const base = before ?? firstChange(logged);
  const state = stateAfter(event);
  switch (event.kind) {
    case 'started': {
      const envelope = base.envelope ?? event.envelope;
      return {
        ...base,
        state,
        envelope,
        path: base.envelope ? base.path : targetPathOf(event.envelope, event.intent),
        type: envelope.type,
        attempts: Math.max(base.attempts, 1),
        startedAtMs: base.startedAtMs ?? tsMs,
        lastSeq: seq,
      };
    }
    case 'completed': {
      const attempts = Math.max(base.attempts, event.attempts);
      return { ...base, state, attempts, finishedAtMs: tsMs, result: event.result, lastSeq: seq };
    }
    case 'failed': {
      const envelope = base.envelope ?? event.envelope ?? null;
      return {
        ...base,
        state,
        type: envelope?.type ?? base.type,
        envelope,
        path: base.envelope || !event.envelope ? base.path : targetPathOf(event.envelope, null),
        attempts: Math.max(base.attempts, event.attempts),
        finishedAtMs: tsMs,
        error: event.error,
        lastSeq: seq,
      };
    }
  }
}

function firstChange({ event, seq }: LoggedEvent): CommandChange {
  return {
    commandId: event.commandId,
    type: typeOfEvent(event.type),
    sessionId: event.sessionId,
    editor: event.editor,
    state: 'started',
    attempts: 0,
    envelope: null,
    path: null,
    startedAtMs: null,
    finishedAtMs: null,
    error: null,
    result: null,
    firstSeq: seq,
    lastSeq: seq,
  };
}

/** Only for a command whose envelope is gone from the log: its type by the name of its event. */
function typeOfEvent(eventType: string): string {
  const name = eventType.slice(0, eventType.lastIndexOf('.'));
  return TYPE_BY_EVENT_NAME.get(name) ?? name;
}

/** When it was accepted, as far as its events tell; null where they tell no time. */
export function acceptedAtMs({ envelope }: CommandChange): number | null {
  return timeOf(envelope?.acceptedAt);
}

/** An ISO time of a client or a worker as epoch ms; null when it is none. */
export function timeOf(iso: string | null | undefined): number | null {
  if (iso === null || iso === undefined) return null;
  const ms = Date.parse(iso);
  return Number.isNaN(ms) ? null : ms;
}
