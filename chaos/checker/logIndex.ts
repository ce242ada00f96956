import type { Evidence, LogEvent } from './evidence.js';
import { seqOf } from './evidence.js';
import { groupBy } from './groupBy.js';

/** An event with its place. */
export interface PlacedEvent {
  readonly event: LogEvent;
  readonly seq: number;
  readonly streamSeq: number;
  readonly partition: number;
  readonly tsMs: number;
}

/** What the log says of one command. */
export interface CommandTrace {
  readonly commandId: string;
  readonly sessionId: string;
  readonly editor: string;
  /** The command's type, from whichever event repeats its envelope; undefined when none does. */
  readonly type: string | undefined;
  readonly key: string | null | undefined;
  /** In log order, without what was only noted about it. */
  readonly events: readonly PlacedEvent[];
  readonly started: PlacedEvent | undefined;
  readonly ends: readonly PlacedEvent[];
}

export interface LogIndex {
  readonly events: readonly PlacedEvent[];
  readonly commands: ReadonlyMap<string, CommandTrace>;
  /** Commands by where they lie in the command stream: `seq.index`. */
  byPosition(seq: number): readonly CommandTrace[];
  byKey(sessionId: string, key: string): readonly CommandTrace[];
}

const indexes = new WeakMap<Evidence['log'], LogIndex>();

/** The log by command, by key and by place; made once for each log. */
export function indexOf(log: Evidence['log']): LogIndex {
  const known = indexes.get(log);
  if (known) return known;
  const made = makeIndex(log);
  indexes.set(log, made);
  return made;
}

function makeIndex(log: Evidence['log']): LogIndex {
  const events = log.flatMap(({ streamSeq, partition, tsMs, events: carried = [] }) =>
    carried.map((event, index) => ({ event, seq: seqOf(streamSeq, index), streamSeq, partition, tsMs })),
  );
  const byCommand = groupBy(
    events.filter(({ event }) => event.kind !== 'noted'),
    ({ event }) => event.commandId,
  );
  const commands = new Map([...byCommand].map(([commandId, own]) => [commandId, traceOf(commandId, own)]));
  const traces = [...commands.values()];
  const positions = groupBy(traces, ({ events: [first] }) => first?.event.position?.seq);
  const keys = groupBy(traces, ({ sessionId, key }) => `${sessionId}\0${key ?? ''}`);
  return {
    events,
    commands,
    byPosition: (seq) => positions.get(seq) ?? [],
    byKey: (sessionId, key) => keys.get(`${sessionId}\0${key}`) ?? [],
  };
}

function traceOf(commandId: string, events: readonly PlacedEvent[]): CommandTrace {
  const envelope = events.find(({ event }) => event.envelope)?.event.envelope;
  const [first] = events;
  return {
    commandId,
    sessionId: first?.event.sessionId ?? '',
    editor: first?.event.editor ?? '',
    type: envelope?.type,
    key: envelope?.idempotencyKey,
    events,
    started: events.find(({ event }) => event.kind === 'started'),
    ends: events.filter(({ event }) => isEnd(event)),
  };
}

export const isEnd = ({ kind }: LogEvent): boolean => kind === 'completed' || kind === 'failed';

/** `spark_commands.state` after an end. */
export function stateOf({ kind, outcome }: LogEvent): string {
  if (kind === 'completed') return 'completed';
  return outcome === 'expired' ? 'failed' : (outcome ?? 'failed');
}

/** The state the log leaves a command in. */
export function stateOfTrace({ ends, started }: CommandTrace): string {
  const [end] = ends;
  if (end) return stateOf(end.event);
  return started ? 'started' : 'accepted';
}
