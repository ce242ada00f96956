import { codeOf, messageOf } from '../core/errors.js';
import type { LoggedEvent } from '../events/event.js';
import { classifyPostgresError } from '../postgres/errors.js';
import type { ProjectorDeadLetter } from './deadLetters/write.js';
import { BatchFold, type FoldedBatch } from './foldBatch.js';
import type { Unreadable } from './logEntries.js';
import { nextTurn } from './nextTurn.js';

export type FoldAttempt = { readonly folded: FoldedBatch } | { readonly poison: unknown };

/** About 2 ms of work: between two slices the connection gets to send what the last batch's transaction waits for. */
const SLICE_EVENTS = 128;

/** A fold is pure: whatever it throws, an event is the cause, and it would throw again. */
export async function tryFold(events: readonly LoggedEvent[]): Promise<FoldAttempt> {
  try {
    const fold = new BatchFold();
    for (const [i, logged] of events.entries()) {
      if (i > 0 && i % SLICE_EVENTS === 0) await nextTurn();
      fold.add(logged);
    }
    return { folded: fold.finish() };
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
