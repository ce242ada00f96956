import type { CommandRow, Evidence } from '../evidence.js';
import { type CommandTrace, indexOf, stateOf } from '../logIndex.js';
import { phaseMs, timeOf } from '../operations.js';
import type { Invariant, Violation } from '../violation.js';

/** How long after the last fault was taken back a command may still be open. */
export const OPEN_AFTER_HEALING_MS = 120_000;

/**
 * I2: every command that has an event or that a client holds an acknowledgement for has exactly one end, no later than 120 s after healing,
 * and both databases and every client that waited for the end say the same one.
 */
export const oneEndEach: Invariant = {
  id: 'I2',
  title: 'exactly one terminal state each, none open 120 s after healing',
  check(evidence) {
    const index = indexOf(evidence.log);
    const traces = [...index.commands.values()];
    const healedMs = phaseMs(evidence.history, 'healed');
    return {
      checked: traces.length,
      violations: [
        ...traces.flatMap((trace) => endsOf(trace, healedMs)),
        ...toldOtherwise(evidence),
        ...openInModels(evidence, 'primary'),
        ...openInModels(evidence, 'replica'),
      ],
      ...(healedMs === undefined
        ? { notes: ['the history has no moment of healing: only the number of ends was looked at'] }
        : {}),
    };
  },
};

function endsOf({ commandId, type, ends, events }: CommandTrace, healedMs: number | undefined): Violation[] {
  const told = ends.map(({ seq, event, tsMs }) => ({ seq, type: event.type, outcome: event.outcome, tsMs }));
  const violation = (detail: string, atMs: number | undefined): Violation => ({
    invariant: 'I2',
    detail: `${type ?? 'a command'} ${detail}`,
    commandId,
    atMs,
    evidence: { log: told.length > 0 ? told : events.map(({ seq, event }) => ({ seq, type: event.type })) },
  });
  const [end] = ends;
  if (!end) return [violation('has not ended', events.at(-1)?.tsMs)];
  if (ends.length > 1) return [violation(`has ended ${ends.length} times`, ends[1]?.tsMs)];
  if (healedMs === undefined) return [];
  // What was asked for only then has its time from there on.
  const accepted = events.find(({ event }) => event.envelope)?.event.envelope?.acceptedAt ?? '';
  const openMs = end.tsMs - Math.max(healedMs, Date.parse(accepted) || 0);
  if (openMs > OPEN_AFTER_HEALING_MS)
    return [violation(`was open ${Math.round(openMs / 1_000)} s after healing`, end.tsMs)];
  return [];
}

/** Every client that waited for an end was told the one that the log holds. */
function toldOtherwise({ history, log }: Evidence): Violation[] {
  const { commands } = indexOf(log);
  return history.flatMap((record) => {
    if (record.kind !== 'seen') return [];
    const end = commands.get(record.commandId)?.ends[0];
    const state = end && stateOf(end.event);
    if (state === record.state) return [];
    return [
      {
        invariant: 'I2' as const,
        detail: `the client was told ${record.state}, the log says ${state ?? 'nothing'}`,
        commandId: record.commandId,
        atMs: end?.tsMs ?? timeOf(record),
        evidence: { history: record, log: end?.event ?? 'no end of it' },
      },
    ];
  });
}

const TERMINAL = new Set(['completed', 'failed', 'rejected', 'conflict', 'outcome_unknown', 'cancelled']);

/** What the read models still show as waiting or running; the overlay of accepted commands is part of it. */
function openInModels({ commands }: Evidence, server: 'primary' | 'replica'): Violation[] {
  const open = (row: CommandRow): boolean => !TERMINAL.has(row.state);
  return commands[server].filter(open).map((row) => ({
    invariant: 'I2' as const,
    detail: `the ${server} still shows it as ${row.state}`,
    commandId: row.commandId,
    evidence: { [server]: row },
  }));
}
