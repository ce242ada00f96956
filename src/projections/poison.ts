import { codeOf, messageOf } from '../core/errors.js';
import type { LoggedEvent } from '../events/event.js';
import { classifyPostgresError } from '../postgres/errors.js';
import type { BatchPart } from './batchPart.js';
import type { ProjectorDeadLetter } from './deadLetters/write.js';
import { BatchFold, type FoldedBatch, foldBatch } from './foldBatch.js';
import { bodyText, type DecodedEntry, type LogEntry, type Unreadable, WaitingEntry } from './logEntries.js';
import { nextTurn } from './nextTurn.js';

/** An event that no fold takes. */
export interface Poisoned {
  readonly logged: LoggedEvent;
  readonly error: unknown;
}

/** `poisoned`: what was left out because it cannot be folded even alone. `poison`: some events cannot be folded together. */
export type FoldAttempt =
  | { readonly folded: FoldedBatch; readonly poisoned: readonly Poisoned[] }
  | { readonly poison: unknown };

/** About 2 ms of work: between two slices the connection gets to send what the last batch's transaction waits for. */
const SLICE_EVENTS = 128;

/** Entries of the log as one batch. */
export interface FoldedEntries {
  /** Those that this build can read: all, or what came before `refusal`. */
  readonly entries: readonly LogEntry[];
  readonly attempt: FoldAttempt;
  readonly unreadable: readonly Unreadable[];
  /** Why the next one cannot be read; undefined when all were. */
  readonly refusal: unknown;
}

/** Decodes and folds what waits, message by message. Throws why the first one cannot be read. */
export async function foldEntries(entries: readonly LogEntry[]): Promise<FoldedEntries> {
  try {
    return { entries, ...(await foldAsTheyCome(entries)), refusal: undefined };
  } catch {
    // Poison, or a message of a newer build: whatever it is, it is the same again.
    const { readable, refusal } = readableOf(entries);
    if (readable.length === 0 && refusal !== undefined) throw refusal;
    const attempt = await tryFold(readable.flatMap(({ events }) => events));
    return { entries: readable, attempt, unreadable: readable.flatMap((entry) => entry.unreadable), refusal };
  }
}

/** An event is an object for no longer than it takes to fold it. */
async function foldAsTheyCome(
  entries: readonly LogEntry[],
): Promise<Pick<FoldedEntries, 'attempt' | 'unreadable'>> {
  const fold = new BatchFold();
  const allUnreadable: Unreadable[] = [];
  let inSlice = 0;
  for (const entry of entries) {
    const { events, unreadable, texts }: DecodedEntry =
      entry instanceof WaitingEntry ? entry.decode() : entry;
    allUnreadable.push(...unreadable);
    for (let i = 0; i < events.length; i++) {
      fold.add(events[i] as LoggedEvent, texts?.[i]);
      if (++inSlice % SLICE_EVENTS === 0) await nextTurn();
    }
  }
  return { attempt: { folded: fold.finish(), poisoned: [] }, unreadable: allUnreadable };
}

function readableOf(entries: readonly LogEntry[]): { readable: LogEntry[]; refusal: unknown } {
  const readable: LogEntry[] = [];
  for (const entry of entries) {
    try {
      const { events, unreadable } = entry;
      readable.push({ ...entry, events, unreadable });
    } catch (refusal) {
      return { readable, refusal };
    }
  }
  return { readable, refusal: undefined };
}

/**
 * A fold is pure: whatever it throws, an event is the cause, and it would throw again. So each is tried alone, and the rest is folded
 * without those that fail: one transaction, however many there are.
 */
export async function tryFold(events: readonly LoggedEvent[]): Promise<FoldAttempt> {
  try {
    return { folded: await foldInSlices(events), poisoned: [] };
  } catch {
    const poisoned = await findPoison(events);
    const left = new Set(poisoned.map(({ logged }) => logged));
    try {
      return { folded: await foldInSlices(events.filter((logged) => !left.has(logged))), poisoned };
    } catch (error) {
      return { poison: error };
    }
  }
}

async function foldInSlices(events: readonly LoggedEvent[]): Promise<FoldedBatch> {
  const fold = new BatchFold();
  for (const [i, logged] of events.entries()) {
    if (i > 0 && i % SLICE_EVENTS === 0) await nextTurn();
    fold.add(logged);
  }
  return fold.finish();
}

async function findPoison(events: readonly LoggedEvent[]): Promise<Poisoned[]> {
  const found: Poisoned[] = [];
  for (const [i, logged] of events.entries()) {
    if (i > 0 && i % SLICE_EVENTS === 0) await nextTurn();
    try {
      foldBatch([logged]);
    } catch (error) {
      found.push({ logged, error });
    }
  }
  return found;
}

/** Whether Postgres refused the rows themselves, so that trying again is no use. */
export function isPoison(error: unknown): boolean {
  return classifyPostgresError(error) === 'data';
}

/** The dead letters that a part takes before Postgres has seen it. */
export function lettersOf(part: BatchPart, attempt: FoldAttempt): ProjectorDeadLetter[] {
  const poisoned = 'folded' in attempt ? attempt.poisoned : [];
  return [
    ...part.unreadable.map(letterOfUnreadable),
    ...poisoned.map(({ logged, error }) => letterOfPoison(logged, error)),
  ];
}

/** Which of the part's events Postgres named when it refused the rows, by its place; undefined when it named none. */
export function culpritOf(refusal: unknown, part: BatchPart, attempt: FoldAttempt): number | undefined {
  const where = (refusal as { where?: unknown } | null | undefined)?.where;
  const line = typeof where === 'string' ? /COPY spark_events, line (\d+)/.exec(where)?.[1] : undefined;
  if (line === undefined || !('folded' in attempt)) return undefined;
  const left = new Set(attempt.poisoned.map(({ logged }) => logged));
  // One row an event, in order, but for those that were left out.
  const culprit = part.events.filter((logged) => !left.has(logged))[Number(line) - 1];
  const at = culprit === undefined ? -1 : part.events.indexOf(culprit);
  return at < 0 ? undefined : at;
}

/**
 * What Postgres says names the index or table that refused a row, and which refuses first depends on what a slot has just now: the letter
 * must be the same whenever it is written.
 */
function errorText(error: unknown): string {
  const code = codeOf(error) ?? 'error';
  if (code.startsWith('54')) return `${code}: a value is too long for the index or row that should hold it`;
  return `${code}: ${messageOf(error).replace(/\b(index|relation|table|partition|constraint) "[^"]*"/g, '$1')}`;
}

export function letterOfPoison({ event, seq, tsMs }: LoggedEvent, error: unknown): ProjectorDeadLetter {
  const known = (value: unknown): string | null => (typeof value === 'string' ? value : null);
  return {
    ...{ seq, tsMs, reason: 'poison_event' },
    lastError: errorText(error),
    body: bodyText(event),
    sessionId: known(event.sessionId),
    editor: known(event.editor),
    commandId: known(event.commandId),
  };
}

export function letterOfUnreadable({ seq, tsMs, reason, body }: Unreadable): ProjectorDeadLetter {
  const nobody = { sessionId: null, editor: null, commandId: null };
  return { ...{ seq, tsMs, reason: 'unreadable_event' }, lastError: reason, body, ...nobody };
}
