import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';

/**
 * What clients and the harness saw, in the order it happened: one JSON line a record. The checker holds it against what the system
 * itself says. A line is with the operating system before the call returns, so it outlives a kill of the harness; a torn last line is
 * not read.
 */
export type HistoryRecord = Stamped<HistoryEntry>;

/** `atMs` monotonic since the harness began, `at` the wall clock (ISO 8601). */
export type Stamped<Entry> = Entry & { readonly n: number; readonly atMs: number; readonly at: string };

export type HistoryEntry =
  | InvokeEntry
  | AnswerEntry
  | SeenEntry
  | NemesisEntry
  | ProcessEntry
  | RecoveryEntry
  | PhaseEntry
  | CheckpointEntry
  | FeedEntry
  | TelemetryEntry
  | TreeEntry
  | OutsideEntry
  | MetricsEntry
  | NoteEntry;

/** Something a client is about to ask. Each send is an operation of its own: a repeat of a key is a new `opId` with the same key. */
export interface InvokeEntry {
  readonly kind: 'invoke';
  readonly opId: string;
  readonly client: string;
  /** `submit`, `publish` or the client's own word (`cancel`, `status`). Only the first two ask for a command. */
  readonly op: string;
  readonly workload: string;
  readonly via: 'http' | 'nats';
  readonly session?: string | undefined;
  readonly editor?: string | undefined;
  readonly type?: string | undefined;
  /** Null: without a key, so it is a command of its own and is never sent again. */
  readonly key?: string | null | undefined;
  /** Over what was sent, as the client wrote it. */
  readonly payloadSha?: string | undefined;
  /** What the checker needs of the payload: the path, the token an append writes, the tool. */
  readonly about?: Readonly<Record<string, unknown>> | undefined;
  /** 1-based: how often the client has sent this key with this payload, this time included. */
  readonly send: number;
}

/**
 * How an operation ended for its client. `ok`: accepted (202 or PubAck). `fail`: refused, and certainly not stored. `info`: nobody
 * answered, or said that it does not know: it may or may not have happened.
 */
export interface AnswerEntry {
  readonly kind: 'ok' | 'fail' | 'info';
  readonly opId: string;
  readonly client: string;
  readonly commandId?: string | undefined;
  /** The sequence of JetStream's own PubAck. */
  readonly streamSeq?: number | undefined;
  readonly duplicate?: boolean | undefined;
  readonly status?: number | undefined;
  readonly code?: string | undefined;
  readonly detail?: string | undefined;
}

/** A client that waited for the end was told this one. */
export interface SeenEntry {
  readonly kind: 'seen';
  readonly client: string;
  readonly commandId: string;
  readonly state: string;
}

export interface NemesisEntry {
  readonly kind: 'nemesis';
  readonly phase: 'start' | 'stop';
  /** The same in `start` and `stop`. */
  readonly id: string;
  /** `kill`, `pause`, `cut`, `black_hole`, `lose_reply`, `reload`, `disk_full`, … */
  readonly fault: string;
  readonly target: string;
  readonly detail?: unknown;
}

export interface ProcessEntry {
  readonly kind: 'process';
  readonly phase: 'start' | 'ready' | 'kill' | 'pause' | 'resume' | 'exit';
  /** Which one: `worker-2`. */
  readonly name: string;
  /** Of which kind: `worker`, `ingest`, `gate`, `projector`, `nats`, `postgres`, `standby`, `simulator`. */
  readonly role: string;
  readonly pid?: number | undefined;
  readonly detail?: unknown;
}

/** A process does its work again for others, that long after it was hurt. */
export interface RecoveryEntry {
  readonly kind: 'recovery';
  readonly process: string;
  readonly role: string;
  readonly fault: string;
  readonly ms: number;
}

/** `healed`: no fault is at work any more. `settled`: everything accepted has ended, or the time for it is over. */
export interface PhaseEntry {
  readonly kind: 'phase';
  readonly phase: 'run' | 'healing' | 'healed' | 'settled' | 'end';
  readonly detail?: unknown;
}

/** The checkpoints of one server at one moment, by projection. */
export interface CheckpointEntry {
  readonly kind: 'checkpoint';
  readonly server: 'primary' | 'replica';
  /** Which log the positions are of, by projection: a stream made anew begins anew. */
  readonly streams: Readonly<Record<string, string>>;
  readonly positions: Readonly<Record<string, number>>;
}

/** A live watcher's stream, in the order it came. `after`: the Last-Event-ID it asked with. */
export interface FeedEntry {
  readonly kind: 'feed';
  readonly watcher: string;
  readonly session: string;
  readonly happened: 'open' | 'event' | 'reset' | 'close';
  readonly after?: number | undefined;
  readonly seq?: number | undefined;
  readonly eventId?: string | undefined;
  readonly reason?: string | undefined;
  readonly from?: 'beginning' | 'live' | undefined;
}

/** What a plain subscriber of the live subjects got, and when its own connection was up or down. */
export type TelemetryEntry =
  | { readonly kind: 'telemetry'; readonly happened: 'up' | 'down'; readonly subscriber: string }
  | {
      readonly kind: 'telemetry';
      readonly happened: 'frame' | 'progress';
      readonly subscriber: string;
      readonly session: string;
      readonly commandId: string;
    };

/** A project folder before or after an undo walk: sha-256 by path, `.meta` files and folders (as "") included. */
export interface TreeEntry {
  readonly kind: 'tree';
  readonly moment: 'before' | 'after';
  readonly editor: string;
  /** The folder that was looked at, project-relative. */
  readonly under: string;
  readonly walk: string;
  readonly files: Readonly<Record<string, string>>;
  /** False: the walk could not be brought to its end (it says why), so nothing is promised of the tree. */
  readonly complete: boolean;
  readonly detail?: string | undefined;
}

/** A human saves a file in the project folder, beside SPARK. */
export interface OutsideEntry {
  readonly kind: 'outside';
  readonly editor: string;
  readonly path: string;
  readonly beforeSha: string | null;
  readonly afterSha: string | null;
  readonly token?: string | undefined;
}

/** Counters of one process life, as it told them last; `life` tells one life of a process from the next. */
export interface MetricsEntry {
  readonly kind: 'metrics';
  readonly process: string;
  readonly life: string;
  readonly counters: Readonly<Record<string, number>>;
}

export interface NoteEntry {
  readonly kind: 'note';
  readonly text: string;
  readonly detail?: unknown;
}

export interface History {
  readonly file: string;
  /** Writes one record, now; throws when the file cannot be written (a history with a hole would prove nothing). */
  write(entry: HistoryEntry): HistoryRecord;
  /** Ms since the history was opened, the clock of `atMs`. */
  elapsedMs(): number;
  /** The records of one kind so far, e.g. to report progress. */
  count(kind: HistoryRecord['kind']): number;
  close(): void;
}

/** Opens a history for appending. An existing file is gone on with: its last number counts on. */
export function openHistory(file: string): History {
  const earlier = existing(file);
  const fd = openSync(file, 'a');
  if (earlier.torn) writeSync(fd, '\n');
  const beganMs = performance.now() - (earlier.records.at(-1)?.atMs ?? 0);
  const counts = new Map<string, number>();
  let n = earlier.records.at(-1)?.n ?? 0;
  let closed = false;
  const elapsedMs = (): number => Math.round((performance.now() - beganMs) * 1_000) / 1_000;
  return {
    file,
    elapsedMs,
    count: (kind) => counts.get(kind) ?? 0,
    write(entry) {
      const record = { n: ++n, atMs: elapsedMs(), at: new Date().toISOString(), ...entry } as HistoryRecord;
      writeSync(fd, `${JSON.stringify(record)}\n`);
      counts.set(entry.kind, (counts.get(entry.kind) ?? 0) + 1);
      return record;
    },
    close() {
      if (closed) return;
      closed = true;
      closeSync(fd);
    },
  };
}

/** Every whole record of a history, in order. A torn last line (the harness died while writing) is left out. */
export function readHistory(file: string): HistoryRecord[] {
  return parseHistory(readFileSync(file, 'utf8'));
}

/**
 * The same from text. A line that a kill tore is left out, but the records must be numbered without a gap: a history that lost one
 * throws, because it would prove nothing.
 */
export function parseHistory(text: string): HistoryRecord[] {
  const records: HistoryRecord[] = [];
  for (const line of text.split('\n')) {
    const record = recordOf(line);
    if (record === undefined) continue;
    if (record.n !== records.length + 1)
      throw new Error(
        `the history has a hole: record ${record.n} stands where ${records.length + 1} belongs`,
      );
    records.push(record);
  }
  return records;
}

function recordOf(line: string): HistoryRecord | undefined {
  if (line === '') return undefined;
  try {
    return JSON.parse(line) as HistoryRecord;
  } catch {
    return undefined;
  }
}

function existing(file: string): { readonly records: HistoryRecord[]; readonly torn: boolean } {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { records: [], torn: false };
    throw error;
  }
  return { records: parseHistory(text), torn: text !== '' && !text.endsWith('\n') };
}
