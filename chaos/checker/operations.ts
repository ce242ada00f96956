import type { AnswerEntry, HistoryRecord, InvokeEntry, Stamped } from '../history.js';
import type { CommandTrace, LogIndex } from './logIndex.js';

/** One thing a client did, with how it ended for the client; `answer` undefined: the history ends before. */
export interface Operation {
  readonly invoke: Stamped<InvokeEntry>;
  readonly answer: Stamped<AnswerEntry> | undefined;
}

const known = new WeakMap<readonly HistoryRecord[], readonly Operation[]>();

/** The operations of a history in the order they were begun. */
export function operationsOf(history: readonly HistoryRecord[]): readonly Operation[] {
  const earlier = known.get(history);
  if (earlier) return earlier;
  const answers = new Map<string, Stamped<AnswerEntry>>();
  for (const record of history)
    if (record.kind === 'ok' || record.kind === 'fail' || record.kind === 'info')
      answers.set(record.opId, record);
  const operations = history.flatMap((record) =>
    record.kind === 'invoke' ? [{ invoke: record, answer: answers.get(record.opId) }] : [],
  );
  known.set(history, operations);
  return operations;
}

/** Whether an operation asks for a command. */
export const asksForCommand = ({ invoke }: Operation): boolean =>
  invoke.op === 'submit' || invoke.op === 'publish';

/** Accepted: the client holds a 202 or a PubAck. */
export const isAccepted = ({ answer }: Operation): boolean => answer?.kind === 'ok';

/** The command that an accepted operation became, by the id the client was told, its place in the command stream, or its key. */
export function commandOf(operation: Operation, index: LogIndex): CommandTrace | undefined {
  const { invoke, answer } = operation;
  if (answer?.commandId !== undefined) return index.commands.get(answer.commandId);
  if (answer?.streamSeq !== undefined) {
    const there = index.byPosition(answer.streamSeq).find(({ sessionId }) => sessionId === invoke.session);
    if (there) return there;
  }
  // A repeat of a key leaves no event of its own: the first one's are its events.
  const { session, key } = invoke;
  if (session === undefined || key == null) return undefined;
  const named = index.byKey(session, key);
  return named.find(({ ends }) => ends[0]?.event.error?.code !== 'idempotency_mismatch') ?? named[0];
}

const sends = new WeakMap<readonly HistoryRecord[], ReadonlyMap<string, number>>();

/** Whether the client held the first one's acknowledgement before it sent the second one for the first time. */
export function wasAwaited(first: Operation, second: Operation, history: readonly HistoryRecord[]): boolean {
  let firstSends = sends.get(history);
  if (!firstSends) {
    const begun = new Map<string, number>();
    for (const { invoke } of operationsOf(history))
      if (invoke.key != null && !begun.has(nameOf(invoke))) begun.set(nameOf(invoke), invoke.n);
    firstSends = begun;
    sends.set(history, begun);
  }
  const { invoke } = second;
  const begunAt = invoke.key == null ? invoke.n : (firstSends.get(nameOf(invoke)) ?? invoke.n);
  return first.answer !== undefined && first.answer.n < begunAt;
}

const nameOf = ({ session, key }: InvokeEntry): string => `${session}\0${key}`;

/** Epoch ms of a record. */
export const timeOf = ({ at }: { readonly at: string }): number => Date.parse(at);

/** Epoch ms of the last record of a phase; undefined when the history has none. */
export function phaseMs(history: readonly HistoryRecord[], phase: string): number | undefined {
  const record = history.findLast((each) => each.kind === 'phase' && each.phase === phase);
  return record && timeOf(record);
}
