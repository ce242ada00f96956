import type { Evidence } from '../evidence.js';
import { groupBy } from '../groupBy.js';
import { type CommandTrace, indexOf, stateOfTrace } from '../logIndex.js';
import {
  asksForCommand,
  commandOf,
  isAccepted,
  type Operation,
  operationsOf,
  timeOf,
  wasAwaited,
} from '../operations.js';
import type { Invariant, Violation } from '../violation.js';

/** What is only started in its turn and then watched, or does not need the editor: later commands need not wait for its end. */
const LOOSE = new Set(['unity.run_build']);

/**
 * I4: the commands of a session on one editor run in the order they were accepted, one after the other. Judged three ways: what one client
 * sent after it held the acknowledgement of the one before; the places in the command stream; and, in the files themselves,
 * the tokens that appends leave.
 */
export const sessionOrder: Invariant = {
  id: 'I4',
  title: 'order per session on each editor',
  check(evidence) {
    const awaited = awaitedPairs(evidence);
    const lanes = groupBy(
      [...indexOf(evidence.log).commands.values()].filter(({ started }) => started !== undefined),
      ({ sessionId, editor }) => `${sessionId}\0${editor}`,
    );
    const files = appendedFiles(evidence);
    return {
      checked: awaited.length + lanes.size + files.length,
      violations: [
        ...awaited.flatMap(([before, after]) =>
          outOfTurn(before, after, 'the client had the acknowledgement'),
        ),
        ...[...lanes.values()].flatMap(byPlace),
        ...files.flatMap((file) => byTokens(file, evidence)),
      ],
    };
  },
};

/** Neighbours of one client that were sent one after the acknowledgement of the other, in one session of one editor. */
function awaitedPairs({ history, log }: Evidence): [CommandTrace, CommandTrace][] {
  const index = indexOf(log);
  // The first acknowledged send of a key is its command's place in the order; what is sent again later is not another turn.
  const seen = new Set<string>();
  const lanes = groupBy(
    operationsOf(history).filter((operation) => asksForCommand(operation) && isAccepted(operation)),
    ({ invoke: { client, session, editor } }) => `${client}\0${session}\0${editor}`,
  );
  return [...lanes.values()].flatMap((operations) => {
    const pairs: [CommandTrace, CommandTrace][] = [];
    let before: { readonly operation: Operation; readonly trace: CommandTrace } | undefined;
    for (const operation of operations) {
      const trace = commandOf(operation, index);
      if (!trace || seen.has(trace.commandId)) continue;
      seen.add(trace.commandId);
      if (before && wasAwaited(before.operation, operation, history)) pairs.push([before.trace, trace]);
      before = { operation, trace };
    }
    return pairs;
  });
}

/** By the command stream: its sequence is the order of acceptance, whoever sent it. */
function byPlace(traces: readonly CommandTrace[]): Violation[] {
  const placed = traces
    .filter(({ started }) => started?.event.position)
    .sort((a, b) => placeOf(a) - placeOf(b));
  return placed.flatMap((trace, at) => {
    const before = placed[at - 1];
    return before ? outOfTurn(before, trace, 'it lies before it in the command stream') : [];
  });
}

const placeOf = ({ started }: CommandTrace): number => {
  const position = started?.event.position;
  return position ? position.seq * 1_024 + position.index : 0;
};

/**
 * Taken back, too late or refused: it has ended without a turn, whenever that was. (That it did nothing is I3's to say; an intent that calls no
 * editor has call 0.)
 */
const isIdle = ({ ends: [end] }: CommandTrace): boolean =>
  ['expired', 'cancelled', 'rejected'].includes(end?.event.outcome ?? '');

function outOfTurn(before: CommandTrace, after: CommandTrace, why: string): Violation[] {
  const [began, began2] = [before.started, after.started];
  if (!began || !began2 || isIdle(before) || isIdle(after)) return [];
  const mustEnd = before.type === undefined || !LOOSE.has(before.type);
  const free = mustEnd ? before.ends[0] : began;
  if (free && free.seq < began2.seq) return [];
  const told = (trace: CommandTrace) =>
    trace.events.map(({ seq, event }) => ({ seq, type: event.type, position: event.position }));
  return [
    {
      invariant: 'I4',
      detail: `${after.type} of ${after.sessionId} on ${after.editor} began before ${before.commandId} was done, though ${why}`,
      commandId: after.commandId,
      atMs: began2.tsMs,
      evidence: { log: { before: told(before), after: told(after) } },
    },
  ];
}

interface AppendedFile {
  readonly file: string;
  readonly text: string | null;
  readonly appends: readonly Operation[];
}

/** Files whose every change is an append of a token of its own: about.appendTo and about.token. */
function appendedFiles({ history, files }: Evidence): AppendedFile[] {
  const appends = operationsOf(history).filter(
    ({ invoke }) => invoke.about?.['token'] !== undefined && invoke.about['appendTo'] !== undefined,
  );
  const byFile = groupBy(appends, ({ invoke }) => `${invoke.editor}:${String(invoke.about?.['appendTo'])}`);
  return [...byFile].flatMap(([file, operations]) => {
    const text = files[file];
    return text === undefined ? [] : [{ file, text, appends: operations }];
  });
}

/** What completed stands in the file once, what did not is not in it, and what one client awaited stands in that order. */
function byTokens({ file, text, appends }: AppendedFile, { log, history }: Evidence): Violation[] {
  const index = indexOf(log);
  const tokens = [...(text ?? '').matchAll(/<t:([\w-]+)>/g)].map((match) => match[1] ?? '');
  const counts = groupBy(tokens, (token) => token);
  const violation = (detail: string, operation: Operation): Violation => ({
    invariant: 'I4',
    detail: `${file}: ${detail}`,
    commandId: commandOf(operation, index)?.commandId ?? operation.answer?.commandId,
    atMs: timeOf(operation.answer ?? operation.invoke),
    evidence: { history: operation, file: { tokens: tokens.length, around: around(tokens, operation) } },
  });
  const firsts = [...groupBy(appends, ({ invoke }) => String(invoke.about?.['token'])).values()].flatMap(
    (sends) => sends.find(isAccepted) ?? sends[0] ?? [],
  );
  const wrong = firsts.flatMap((operation) => {
    const token = String(operation.invoke.about?.['token']);
    const times = counts.get(token)?.length ?? 0;
    const trace = commandOf(operation, index);
    const state = trace && stateOfTrace(trace);
    if (state === 'completed')
      return times === 1
        ? []
        : [violation(`token ${token} of a completed append stands there ${times} times`, operation)];
    // Without a key and without an answer nobody can say which command it was, or whether it was one.
    const nameless = operation.invoke.key === null && !trace;
    if (state === 'outcome_unknown' || nameless)
      return times <= 1 ? [] : [violation(`token ${token} stands there ${times} times`, operation)];
    return times === 0
      ? []
      : [
          violation(
            `token ${token} of an append that is ${state ?? 'not in the log'} stands there`,
            operation,
          ),
        ];
  });
  return [...wrong, ...disorder(tokens, firsts, history, index, violation)];
}

/** New tokens go in at the top, so the file read downwards goes back in time. */
function disorder(
  tokens: readonly string[],
  operations: readonly Operation[],
  history: Evidence['history'],
  index: ReturnType<typeof indexOf>,
  violation: (detail: string, operation: Operation) => Violation,
): Violation[] {
  const places = new Map(tokens.map((token, at) => [token, at]));
  const there = operations.filter(
    (operation) =>
      isAccepted(operation) &&
      commandOf(operation, index) !== undefined &&
      places.has(String(operation.invoke.about?.['token'])),
  );
  const bySession = groupBy(there, ({ invoke }) => `${invoke.client}\0${invoke.session}`);
  return [...bySession.values()].flatMap((own) =>
    own.flatMap((operation, at) => {
      const before = own[at - 1];
      if (!before || !wasAwaited(before, operation, history)) return [];
      const [placeBefore, place] = [before, operation].map(
        ({ invoke }) => places.get(String(invoke.about?.['token'])) ?? 0,
      );
      return (place ?? 0) < (placeBefore ?? 0)
        ? []
        : [
            violation(
              `token ${String(operation.invoke.about?.['token'])} stands behind ${String(before.invoke.about?.['token'])}, which was acknowledged before it was sent`,
              operation,
            ),
          ];
    }),
  );
}

function around(tokens: readonly string[], { invoke }: Operation): readonly string[] {
  const at = tokens.indexOf(String(invoke.about?.['token']));
  return at < 0 ? tokens.slice(0, 3) : tokens.slice(Math.max(0, at - 2), at + 3);
}
