import { SparkError } from '../../core/errors.js';
import type { LoggedEvent } from '../../events/event.js';

export interface UsageRow {
  readonly seq: number;
  readonly tsMs: number;
  readonly sessionId: string;
  readonly commandId: string;
  readonly model: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** US dollars; null where nobody knows. */
  readonly costUsd: number | null;
}

/** The event says it is a usage and its numbers are none: it is poison, and goes to the dead letters. */
export class UsageUnreadableError extends SparkError {
  readonly code = 'usage_unreadable';
}

/** What an event says was used up; undefined for any other event. Throws `UsageUnreadableError` for what no column can hold. */
export function usageRow({ event, seq, tsMs }: LoggedEvent): UsageRow | undefined {
  if (event.kind !== 'noted' || event.note.kind !== 'usage') return undefined;
  const { model, inputTokens, outputTokens, costUsd } = event.note;
  const cost = costUsd ?? null;
  const readable =
    typeof model === 'string' &&
    [inputTokens, outputTokens].every((tokens) => Number.isSafeInteger(tokens) && tokens >= 0) &&
    (cost === null || Number.isFinite(cost));
  if (!readable) throw new UsageUnreadableError(`the usage of event ${seq} has numbers that are none`);
  const { sessionId, commandId } = event;
  return { seq, tsMs, sessionId, commandId, model, inputTokens, outputTokens, costUsd: cost };
}
