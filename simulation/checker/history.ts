import type { Command } from '../../src/commands/envelope.js';
import { isEnd, type LoggedEvent, type StartedEvent, type TerminalEvent } from '../../src/events/event.js';
import type { Inbound } from '../../src/workers/ports.js';
import type { Effect } from '../unity/editor.js';
import type { ProjectFile } from '../unity/files.js';

/** A place of the command stream, as text. */
export const placeOf = ({ seq, index }: { readonly seq: number; readonly index: number }): string =>
  `${seq}.${index}`;

/** One message of the log as it was stored. */
export interface LogRecord {
  readonly seq: number;
  readonly partition: number;
  readonly events: readonly LoggedEvent[];
}

/** What happened in a seed, as the checker sees it: from outside, by what was stored and what was done to files. */
export class History {
  /** Everything that was stored in the command stream, in order. */
  readonly items: Inbound[] = [];
  readonly log: LogRecord[] = [];
  readonly starts = new Map<string, LoggedEvent[]>();
  readonly ends = new Map<string, LoggedEvent[]>();
  /**
   * Of a publish whose key was another's: two editors of a session were sent it in the same moment, and both began or ended. What stands
   * first in the log counts alone, and the publish behind the other must be refused under an id of its own.
   */
  readonly voids: LoggedEvent[] = [];
  /** The publish that holds a command's id: whichever was spoken of first. */
  readonly #homes = new Map<string, string>();
  /** Places whose command has not ended. */
  readonly open = new Map<string, Inbound>();
  readonly violations: string[] = [];
  effects: readonly Effect[] = [];
  /** By editor, by path: how the projects were at the beginning. */
  readonly initial = new Map<string, ReadonlyMap<string, ProjectFile>>();
  readonly #refused = new Set<string>();
  readonly #endedPlaces = new Set<string>();
  readonly #openByCommand = new Map<string, Set<string>>();

  get events(): LoggedEvent[] {
    return this.log.flatMap(({ events }) => events);
  }

  stored(item: Inbound): void {
    this.items.push(item);
    const position = positionOf(item);
    const place = placeOf(position);
    if (this.isResolved(item)) return;
    this.open.set(place, item);
    const { commandId } = item.kind === 'command' ? item.command : item;
    const places = this.#openByCommand.get(commandId) ?? new Set();
    this.#openByCommand.set(commandId, places.add(place));
  }

  appended(record: LogRecord): void {
    this.log.push(record);
    for (const logged of record.events) this.#tell(logged);
  }

  /** A dead letter was stored: all that is told of a message whose session cannot be read. */
  buried(place: string): void {
    const item = this.open.get(place);
    if (item?.kind === 'bad' && item.sessionId === null) this.#resolve(place);
  }

  /** Whether a stored item has its end: its own, or the same command's. */
  isResolved(item: Inbound): boolean {
    if (this.#endedPlaces.has(placeOf(positionOf(item)))) return true;
    if (item.kind === 'bad') return false;
    return (this.ends.get(item.command.commandId) ?? []).some(({ event }) =>
      isSameCommand(item.command, event, this),
    );
  }

  /** Whether the publish at a place ended as refused. */
  isRefused(position: { readonly seq: number; readonly index: number }): boolean {
    return this.#refused.has(placeOf(position));
  }

  /** The start that counts: of the first publish under its key, and of that one the last, which knows the intent. */
  startOf(commandId: string): StartedEvent | undefined {
    const starts = this.startsOf(commandId);
    const [first] = starts;
    return starts.findLast(({ position }) => first && placeOf(position) === placeOf(first.position));
  }

  startsOf(commandId: string): StartedEvent[] {
    return (this.starts.get(commandId) ?? []).flatMap(({ event }) =>
      event.kind === 'started' ? [event] : [],
    );
  }

  endOf(commandId: string): TerminalEvent | undefined {
    return this.ends.get(commandId)?.[0]?.event as TerminalEvent | undefined;
  }

  #tell(logged: LoggedEvent): void {
    const { event } = logged;
    const { commandId } = event;
    if (event.kind === 'noted') return;
    const place = placeOf(event.position);
    const home = this.#homes.get(commandId) ?? place;
    this.#homes.set(commandId, home);
    if (place !== home) {
      this.voids.push(logged);
      return;
    }
    if (event.kind === 'started') put(this.starts, commandId, logged);
    if (!isEnd(event)) return;
    put(this.ends, commandId, logged);
    this.#endedPlaces.add(place);
    if (event.kind === 'failed' && event.outcome === 'rejected') this.#refused.add(place);
    this.#resolve(place);
    for (const other of this.#openByCommand.get(commandId) ?? []) {
      const item = this.open.get(other);
      if (item && this.isResolved(item)) this.#resolve(other);
    }
  }

  #resolve(place: string): void {
    this.open.delete(place);
  }
}

const put = (map: Map<string, LoggedEvent[]>, key: string, logged: LoggedEvent): void => {
  const list = map.get(key);
  if (list) list.push(logged);
  else map.set(key, [logged]);
};

export const positionOf = (item: Inbound) =>
  item.kind === 'command' ? item.command.position : item.position;

/** The end of a command stands for every publish of it with the same payload; another payload gets an end of its own. */
function isSameCommand(command: Command, end: LoggedEvent['event'], history: History): boolean {
  if (command.idempotencyKey === null) return false;
  const start = history.startOf(command.commandId);
  const sha = start?.envelope.payloadSha ?? (end.kind === 'failed' ? end.envelope?.payloadSha : undefined);
  return sha === command.payloadSha;
}
