import type { FenceToken, LoggedEvent, StartedEvent } from '../../src/events/event.js';
import type { Effect } from '../unity/editor.js';
import { type History, placeOf } from './history.js';

/** What a command may have done, by its end. */
export const MAY_NOT_TOUCH: ReadonlySet<string> = new Set([
  'failed',
  'rejected',
  'conflict',
  'cancelled',
  'expired',
]);

/** I1: whatever was stored has an end. */
export function nothingLost(history: History): string[] {
  return history.items
    .filter((item) => !history.isResolved(item))
    .filter((item) => item.kind === 'command' || item.sessionId !== null)
    .map((item) => {
      const { commandId, position } = item.kind === 'command' ? item.command : item;
      return `I1: the publish at ${placeOf(position)} (command ${commandId}) was accepted and has no end`;
    });
}

/** I2: exactly one end each, and none before its beginning. */
export function oneEndEach(history: History): string[] {
  const violations: string[] = [];
  for (const [commandId, ends] of history.ends)
    if (ends.length > 1)
      violations.push(`I2: command ${commandId} ended ${ends.length} times: ${ends.map(nameOf).join(', ')}`);
  for (const { event } of history.voids)
    if (event.kind !== 'noted' && !history.isRefused(event.position))
      violations.push(
        `I2: ${event.type} of ${event.commandId} stands behind another's, and its publish was not refused`,
      );
  for (const [commandId, starts] of history.starts) {
    if (!othersAreHarmless(commandId, history))
      violations.push(`I2: command ${commandId} started ${starts.length} times`);
    const [end] = history.ends.get(commandId) ?? [];
    if (!end) violations.push(`I2: command ${commandId} has started and never ended`);
    else if (end.seq < (starts[0]?.seq ?? 0))
      violations.push(`I2: command ${commandId} ended before it started`);
  }
  return violations;
}

/**
 * What may follow a first start. Two editors of a session may have been sent one key at the same moment: both starts are stored, the first
 * counts, and the publish behind the other is refused under an id of its own. And a command that was to end without a call, whose worker
 * died before its end was stored, is decided anew: a start without an intent may be followed by one with.
 */
function othersAreHarmless(commandId: string, history: History): boolean {
  const [first, ...others] = history.startsOf(commandId);
  return others.every(({ position }, at) => {
    if (first && placeOf(position) !== placeOf(first.position)) return history.isRefused(position);
    return at === 0 && first?.intent === null && first.intents === undefined;
  });
}

/** I3: a completed change took effect once, one that failed left nothing, and of an unknown one there is at most one effect a file. */
export function effectsPerCommand(history: History): string[] {
  const byCommand = new Map<string, Effect[]>();
  // A step that replaces a `.meta` leaves the bytes as they are.
  for (const effect of history.effects)
    if (effect.by && effect.before !== effect.after)
      byCommand.set(effect.by.commandId, [...(byCommand.get(effect.by.commandId) ?? []), effect]);
  return [...history.ends.keys(), ...byCommand.keys()].filter(isFirst).flatMap((commandId) => {
    const end = history.endOf(commandId);
    const effects = byCommand.get(commandId) ?? [];
    if (!end) return [`I3: command ${commandId} took effect and never ended`];
    const start = history.startOf(commandId);
    const planned = [start?.intent ?? [], start?.intents ?? []].flat();
    return [...new Set([...planned, ...effects].map(({ editor, path }) => `${editor} ${path}`))].flatMap(
      (place) => {
        const there = effects.filter(({ editor, path }) => `${editor} ${path}` === place);
        const nothingToDo = planned.some(
          (one) => `${one.editor} ${one.path}` === place && new Set(one.waypoints).size < 2,
        );
        if (there.length === 0 && (nothingToDo || othersDidIt(commandId, place, history))) return [];
        const problem = problemOf(end.outcome, there, start?.intents !== undefined);
        return problem
          ? [`I3: command ${commandId} (${end.outcome}, ${end.type}) ${problem} on ${place}`]
          : [];
      },
    );
  });
}

/** Somebody else brought the file just where the command wanted it, while the command was under way: it found it done. */
function othersDidIt(commandId: string, place: string, history: History): boolean {
  const start = history.startOf(commandId);
  const goals = [start?.intent ?? [], start?.intents ?? []]
    .flat()
    .filter(({ editor, path }) => `${editor} ${path}` === place)
    .map(({ waypoints }) => waypoints.at(-1));
  return history.effects.some(
    ({ editor, path, by, after }) =>
      `${editor} ${path}` === place && by?.commandId !== commandId && goals.includes(after),
  );
}

function problemOf(outcome: string, effects: readonly Effect[], isUnit: boolean): string | undefined {
  const [first] = effects;
  const last = effects.at(-1);
  if (outcome === 'completed')
    return effects.length === 1 ? undefined : `took effect ${effects.length} times`;
  // A unit takes back what it has done: then the file is as it was.
  const undone = isUnit && effects.length === 2 && first?.before === last?.after;
  if (MAY_NOT_TOUCH.has(outcome) && effects.length > 0 && !undone)
    return `took effect ${effects.length} times`;
  const most = isUnit ? 2 : 1;
  return effects.length > most ? `took effect ${effects.length} times` : undefined;
}

/** I4: the commands of a session to one editor begin, and take effect, in the order in which they were stored. */
export function orderPerSession(history: History): string[] {
  const violations: string[] = [];
  const seen = new Map<string, { readonly place: number; readonly commandId: string }>();
  const check = (kind: string, { event }: LoggedEvent): void => {
    if (event.kind !== 'started' || event.token.call === 0) return;
    const key = `${kind} ${event.sessionId} ${event.editor}`;
    const place = placeNumber(event);
    const before = seen.get(key);
    if (before && before.place > place)
      violations.push(
        `I4: ${event.commandId} of session ${event.sessionId} on ${event.editor} ${kind} after ${before.commandId}, which came later`,
      );
    seen.set(key, { place, commandId: event.commandId });
  };
  for (const logged of history.events) check('began', logged);
  for (const { by } of history.effects) {
    const [start] = by ? (history.starts.get(by.commandId) ?? []) : [];
    if (start) check('took effect', start);
  }
  return violations;
}

/**
 * I5: a sequence without gaps, event ids that are used once, and epochs that only grow: each names a claim (a message without events, as
 * some barriers are too), and nothing of an earlier owner comes after.
 */
export function wellFormedLog(history: History): string[] {
  const violations: string[] = [];
  const claims = new Set<string>();
  const epochs = new Map<number, number>();
  const ids = new Set<string>();
  // Two commands of one key may have begun and ended in the same moment: those of the second have the names of the first's.
  const voids = new Set(history.voids);
  let lastSeq = 0;
  for (const { seq, partition, events } of history.log) {
    if (seq !== lastSeq + 1) violations.push(`I5: message ${seq} of the log follows ${lastSeq}`);
    lastSeq = seq;
    if (events.length === 0) claims.add(`${partition} ${seq}`);
    for (const logged of events) {
      const { event } = logged;
      // A second start has the name of the first; whether it, and what is void, may be there is the question of `oneEndEach`.
      if (ids.has(event.eventId) && event.kind !== 'started' && !voids.has(logged))
        violations.push(`I5: event ${event.eventId} (${event.type}) is stored twice`);
      ids.add(event.eventId);
      if (event.kind !== 'started') continue;
      const { epoch } = event.token;
      const before = epochs.get(partition) ?? 0;
      if (epoch < before || !claims.has(`${partition} ${epoch}`))
        violations.push(`I5: ${event.commandId} began with epoch ${epoch} in epoch ${before}`);
      epochs.set(partition, epoch);
    }
  }
  return violations;
}

/** The fence: on each editor the tokens of one partition's owners only grow. */
export function tokensGrow({ effects }: Pick<History, 'effects'>): string[] {
  const violations: string[] = [];
  const highest = new Map<string, FenceToken>();
  for (const { editor, path, by } of effects) {
    if (!by) continue;
    const { token } = by;
    const key = `${editor} ${token.partition ?? ''}`;
    const before = highest.get(key);
    if (before && !isAbove(token, before))
      violations.push(
        `fence: ${path} of ${editor} was changed with token (${token.epoch}, ${token.call}) after (${before.epoch}, ${before.call})`,
      );
    else highest.set(key, token);
  }
  return violations;
}

/** Nothing is overwritten that the command had not seen: what lay there is in its intent, and the intent was stored before. */
export function nothingOverwritten(history: History): string[] {
  return history.effects.flatMap(({ editor, path, by, before, atMs }) => {
    if (!by) return [];
    const start = history.startOf(by.commandId);
    const intents = [start?.intent ?? [], start?.intents ?? []].flat();
    const seen = intents.some(
      (one) => one.editor === editor && one.path === path && one.waypoints.includes(before),
    );
    const where = `${path} of ${editor} by ${by.commandId} at ${atMs} ms`;
    if (!seen) return [`overwritten: ${where}: what lay there is in no stored intent of the command`];
    return [];
  });
}

const nameOf = ({ event }: LoggedEvent): string => event.type;
const placeNumber = ({ position }: StartedEvent): number => position.seq * 1_000 + position.index;
const isFirst = (value: string, at: number, all: readonly string[]): boolean => all.indexOf(value) === at;
const isAbove = (token: FenceToken, other: FenceToken): boolean =>
  token.epoch > other.epoch || (token.epoch === other.epoch && token.call > other.call);
