import { codeOf, messageOf } from '../core/errors.js';
import type { LoggedEvent } from '../events/event.js';
import { classifyPostgresError } from '../postgres/errors.js';
import type { ProjectorDeadLetter } from './deadLetters/write.js';
import { type FoldedBatch, foldBatch } from './foldBatch.js';
import type { Unreadable } from './logEntries.js';

export type FoldAttempt = { readonly folded: FoldedBatch } | { readonly poison: unknown };

/** A fold is pure: whatever it throws, an event is the cause, and it would throw again. */
export function tryFold(events: readonly LoggedEvent[]): FoldAttempt {
  try {
    return { folded: foldBatch(events) };
  } catch (error) {
    return { poison: error };
  }
}

/** Whether Postgres refused the rows themselves, so that trying again is no use. */
export function isPoison(error: unknown): boolean {
  return classifyPostgresError(error) === 'data';
}

export function letterOfPoison({ event, seq, tsMs }: LoggedEvent, error: unknown): ProjectorDeadLetter {
  const known = (value: unknown): string | null => (typeof value === 'string' ? value : null);
  return {
    ...{ seq, tsMs, reason: 'poison_event' },
    lastError: `${codeOf(error) ?? 'error'}: ${messageOf(error)}`,
    body: JSON.stringify(event),
    sessionId: known(event.sessionId),
    editor: known(event.editor),
    commandId: known(event.commandId),
  };
}

export function letterOfUnreadable({ seq, tsMs, reason, body }: Unreadable): ProjectorDeadLetter {
  const nobody = { sessionId: null, editor: null, commandId: null };
  return { ...{ seq, tsMs, reason: 'unreadable_event' }, lastError: reason, body, ...nobody };
}
