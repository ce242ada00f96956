import { createHash } from 'node:crypto';
import type {
  CommandRow,
  Effect,
  Evidence,
  LogEvent,
  LogMessage,
  TableDump,
} from '../../../chaos/checker/evidence.js';
import { seqOf } from '../../../chaos/checker/evidence.js';
import { indexOf, stateOfTrace } from '../../../chaos/checker/logIndex.js';
import type { HistoryEntry, HistoryRecord } from '../../../chaos/history.js';

/** 2026-03-01T10:00:00Z */
export const BEGAN_MS = 1_772_359_200_000;
export const sha = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Records as the history has them: numbered, a second apart unless `atMs` says otherwise. */
export function historyOf(entries: readonly (HistoryEntry & { atMs?: number })[]): HistoryRecord[] {
  return entries.map((entry, at) => {
    const atMs = entry.atMs ?? at * 1_000;
    return { ...entry, n: at + 1, atMs, at: new Date(BEGAN_MS + atMs).toISOString() } as HistoryRecord;
  });
}

export interface Script {
  readonly commandId: string;
  readonly session?: string;
  readonly editor?: string;
  readonly type?: string;
  readonly key?: string | null;
  readonly path?: string;
  /** Its place in the command stream. */
  readonly place: number;
}

const eventName: Readonly<Record<string, string>> = {
  'unity.apply_patch': 'apply_unity_patch',
  'unity.render_preview': 'preview',
  'unity.run_build': 'build',
  'unity.call_tool': 'call_unity_tool',
  'session.undo': 'undo',
};

export function startedEvent(script: Script, over: Partial<LogEvent> = {}): LogEvent {
  const type = script.type ?? 'unity.apply_patch';
  return {
    kind: 'started',
    ...headOf(script, 'started'),
    envelope: envelopeOf(script),
    position: { partition: 0, seq: script.place, index: 0 },
    token: { epoch: 1, call: script.place },
    intent: type === 'unity.apply_patch' ? intentOf(script) : null,
    ...over,
  };
}

export function endEvent(script: Script, outcome = 'completed', over: Partial<LogEvent> = {}): LogEvent {
  const kind = outcome === 'completed' ? 'completed' : 'failed';
  return {
    kind,
    ...headOf(script, kind),
    outcome,
    position: { partition: 0, seq: script.place, index: 0 },
    ...(kind === 'failed' ? { error: { code: outcome, message: outcome } } : {}),
    ...over,
  };
}

export const envelopeOf = ({ type, key, commandId, place }: Script) => ({
  type: type ?? 'unity.apply_patch',
  idempotencyKey: key === undefined ? `key-${commandId}` : key,
  actor: 'chaos',
  payloadSha: sha(commandId),
  acceptedAt: new Date(BEGAN_MS + place).toISOString(),
});

/** Each command takes the file one state further. */
export const intentOf = ({ path, place, editor }: Script) => {
  const [before, after] = [sha(`state ${place - 1}`), sha(`state ${place}`)];
  return {
    path: path ?? 'Assets/A.cs',
    editor: editor ?? 'e0',
    before: { sha256: before },
    after: { sha256: after },
    waypoints: [before, after],
  };
};

const headOf = (script: Script, suffix: string) => {
  const type = `${eventName[script.type ?? 'unity.apply_patch'] ?? 'x'}.${suffix}`;
  return {
    eventId: sha(`${script.commandId}${type}`).slice(0, 32),
    type,
    commandId: script.commandId,
    sessionId: script.session ?? 's0',
    editor: script.editor ?? 'e0',
    timestamp: new Date(BEGAN_MS + 1_000).toISOString(),
  };
};

/** A log of one partition whose first message is the owner's claim. */
export function logOf(...messages: readonly (readonly LogEvent[])[]): LogMessage[] {
  return [[], ...messages].map((events, at) => ({
    streamSeq: at + 1,
    partition: 0,
    tsMs: BEGAN_MS + 1_000 + at * 10,
    events,
  }));
}

export const effectOf = (n: number, script: Script, over: Partial<Effect> = {}): Effect => {
  const { path, editor, before, after } = intentOf(script);
  return {
    n,
    at: new Date(BEGAN_MS + 1_000 + n).toISOString(),
    editor,
    tool: 'apply_text_edits',
    path,
    beforeSha: before.sha256,
    afterSha: after.sha256,
    commandId: script.commandId,
    attempt: 1,
    ...over,
  };
};

/** What a client sent and was told. */
export function sent(
  script: Script,
  over: { opId?: string; client?: string; send?: number } = {},
): HistoryEntry[] {
  const opId = over.opId ?? `op-${script.commandId}`;
  const client = over.client ?? 'c0';
  return [
    {
      kind: 'invoke',
      opId,
      client,
      op: 'submit',
      workload: 'append',
      via: 'http',
      session: script.session ?? 's0',
      editor: script.editor ?? 'e0',
      type: script.type ?? 'unity.apply_patch',
      key: script.key === undefined ? `key-${script.commandId}` : script.key,
      payloadSha: sha(script.commandId),
      send: over.send ?? 1,
    },
    { kind: 'ok', opId, client, commandId: script.commandId, status: 202 },
  ];
}

export const dumpOf = (table: string, rows: Readonly<Record<string, string>>): TableDump => ({
  table,
  rows: new Map(Object.entries(rows).map(([key, digest]) => [key, [digest]])),
});

/** Read models as they are when everything is well: the fold of the log, twice. */
export function evidenceOf(over: Partial<Evidence> & Pick<Evidence, 'log'>): Evidence {
  const traces = [...indexOf(over.log).commands.values()];
  const rows: CommandRow[] = traces.map((trace) => ({
    commandId: trace.commandId,
    state: stateOfTrace(trace),
    actor: 'chaos',
    acceptedAt: new Date(BEGAN_MS).toISOString(),
    startedAt: trace.started ? new Date(BEGAN_MS).toISOString() : null,
    finishedAt: trace.ends.length > 0 ? new Date(BEGAN_MS).toISOString() : null,
  }));
  const eventKeys = over.log.flatMap(({ streamSeq, events = [] }) =>
    events.map(({ eventId }, index) => ({ seq: seqOf(streamSeq, index), eventId })),
  );
  const dumps = [
    dumpOf('spark_events', Object.fromEntries(eventKeys.map(({ seq, eventId }) => [seq, eventId]))),
  ];
  return {
    history: [],
    effects: [],
    logLastSeq: over.log.at(-1)?.streamSeq ?? 0,
    models: {
      folded: dumps,
      primary: dumps,
      replica: dumps,
      rebuilt: dumps,
      eventKeys: { primary: eventKeys, replica: eventKeys },
    },
    commands: { primary: rows, replica: rows },
    audit: undefined,
    files: {},
    telemetry: undefined,
    collectedAtMs: BEGAN_MS + 60_000,
    unread: [],
    ...over,
  };
}
