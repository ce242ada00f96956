import type { Evidence } from '../evidence.js';
import { indexOf } from '../logIndex.js';
import {
  asksForCommand,
  commandOf,
  isAccepted,
  type Operation,
  operationsOf,
  timeOf,
} from '../operations.js';
import type { Invariant, Violation } from '../violation.js';

/**
 * I1: whatever a client holds a 202 or a PubAck for is in the log, as the command it asked for; and every send of one key with one payload was
 * told the same command.
 */
export const nothingAckedIsLost: Invariant = {
  id: 'I1',
  title: 'nothing acknowledged is lost',
  check(evidence) {
    const accepted = operationsOf(evidence.history).filter(
      (operation) => asksForCommand(operation) && isAccepted(operation),
    );
    return {
      checked: accepted.length,
      violations: [...accepted.flatMap((operation) => lost(operation, evidence)), ...torn(accepted)],
    };
  },
};

function lost(operation: Operation, { log }: Evidence): Violation[] {
  const { invoke, answer } = operation;
  const trace = commandOf(operation, indexOf(log));
  const at = { commandId: answer?.commandId, atMs: timeOf(answer ?? invoke) };
  if (!trace)
    return [
      {
        invariant: 'I1',
        detail: `${invoke.type} of ${invoke.session} (key ${invoke.key ?? 'none'}) was acknowledged over ${invoke.via} and is not in the log`,
        ...at,
        evidence: { history: { invoke, answer }, log: 'no event of it' },
      },
    ];
  // A repeat of a key is told the first command's id: the command must be what was asked for all the same.
  const asked = { type: invoke.type, sessionId: invoke.session, editor: invoke.editor };
  const became = { type: trace.type, sessionId: trace.sessionId, editor: trace.editor };
  if (JSON.stringify(asked) === JSON.stringify(became)) return [];
  return [
    {
      invariant: 'I1',
      detail: 'what was acknowledged became another command than was asked for',
      ...at,
      commandId: trace.commandId,
      evidence: { history: asked, log: became },
    },
  ];
}

/** Over HTTP, where the client is told the command. */
function torn(accepted: readonly Operation[]): Violation[] {
  const first = new Map<string, Operation>();
  return accepted.flatMap((operation) => {
    const { invoke, answer } = operation;
    if (invoke.key == null || answer?.commandId === undefined) return [];
    const name = `${invoke.session}\0${invoke.key}\0${invoke.payloadSha}`;
    const earlier = first.get(name);
    if (!earlier) {
      first.set(name, operation);
      return [];
    }
    if (earlier.answer?.commandId === answer.commandId) return [];
    return [
      {
        invariant: 'I1' as const,
        detail: `key ${invoke.key} of ${invoke.session} was told two commands`,
        commandId: answer.commandId,
        atMs: timeOf(answer),
        evidence: { history: { first: earlier.answer, later: answer } },
      },
    ];
  });
}
