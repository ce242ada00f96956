import type { HistoryRecord } from '../../history.js';
import type { Evidence } from '../evidence.js';
import { type CommandTrace, indexOf } from '../logIndex.js';
import { timeOf } from '../operations.js';
import type { Invariant, Verdict, Violation } from '../violation.js';

type Telemetry = Extract<HistoryRecord, { kind: 'telemetry' }>;

/** How near a fault of the way (worker, NATS, wire, subscriber) must be to a frame that never came. */
const NEAR_MS = 15_000;
const ON_THE_WAY = new Set(['worker', 'nats']);

/**
 * I11: of every preview that completed a frame was produced; it was delivered to the subscriber, or lies in the telemetry stream, or a
 * worker counted it as dropped, or it was on its way through something that was killed, cut or stopped at that moment (such a loss nobody can
 * count: a killed process takes its counters along; how many these are is told). Nothing was delivered that nobody produced, and what the
 * stream itself dropped is what its sequences say.
 */
export const telemetryIsAccountedFor: Invariant = {
  id: 'I11',
  title: 'telemetry produced = delivered + dropped + taken by a fault',
  check(evidence): Verdict {
    const telemetry = evidence.history.filter((record): record is Telemetry => record.kind === 'telemetry');
    const traces = indexOf(evidence.log).commands;
    const produced = [...traces.values()].filter(
      ({ type, ends }) => type === 'unity.render_preview' && ends[0]?.event.kind === 'completed',
    );
    if (!telemetry.some(({ happened }) => happened === 'up'))
      return { checked: 0, violations: [], notes: ['nobody subscribed to telemetry'] };
    const delivered = new Set(
      telemetry.flatMap((record) => ('commandId' in record ? [record.commandId] : [])),
    );
    const stored = new Set(evidence.telemetry?.commandIds ?? []);
    const missing = produced.filter(({ commandId }) => !delivered.has(commandId) && !stored.has(commandId));
    const spans = troubles(evidence.history, telemetry);
    const unexplained = missing.filter(({ ends }) => !isNear(ends[0]?.tsMs ?? 0, spans));
    const dropped = droppedOf(evidence.history);
    return {
      checked: produced.length,
      violations: [
        ...(unexplained.length > dropped ? unexplained.map((trace) => vanished(trace, dropped)) : []),
        ...invented(telemetry, traces),
        ...ownCount(evidence),
      ],
      notes: [
        `${produced.length} frames produced, ${produced.length - missing.length} delivered, ${dropped} counted as dropped, ${missing.length - unexplained.length} on their way through a fault`,
      ],
    };
  },
};

/** The last word of each process life. */
function droppedOf(history: readonly HistoryRecord[]): number {
  const lives = new Map<string, number>();
  for (const record of history)
    if (record.kind === 'metrics')
      lives.set(`${record.process}\0${record.life}`, record.counters['spark_telemetry_dropped_total'] ?? 0);
  return [...lives.values()].reduce((sum, count) => sum + count, 0);
}

interface Span {
  readonly fromMs: number;
  toMs: number;
}

/** When something on the way from a worker to the subscriber was away. */
function troubles(history: readonly HistoryRecord[], telemetry: readonly Telemetry[]): Span[] {
  const spans: Span[] = [];
  const open = new Map<string, Span>();
  const begin = (name: string, fromMs: number): void => {
    if (open.has(name)) return;
    const span = { fromMs, toMs: Infinity };
    open.set(name, span);
    spans.push(span);
  };
  const end = (name: string, toMs: number): void => {
    const span = open.get(name);
    if (span) span.toMs = toMs;
    open.delete(name);
  };
  for (const record of history) {
    const atMs = timeOf(record);
    if (record.kind === 'nemesis' && isOnTheWay(record.target)) {
      if (record.phase === 'start') begin(`nemesis ${record.id}`, atMs);
      else end(`nemesis ${record.id}`, atMs);
    }
    if (record.kind === 'process' && ON_THE_WAY.has(record.role)) {
      if (record.phase === 'kill' || record.phase === 'pause' || record.phase === 'exit')
        begin(record.name, atMs);
      if (record.phase === 'ready' || record.phase === 'resume') end(record.name, atMs);
    }
  }
  // Before its first connection, and after its last, the subscriber is away too.
  const [first] = telemetry;
  if (first) spans.push({ fromMs: 0, toMs: timeOf(first) });
  for (const record of telemetry) {
    if (record.happened === 'down') begin(`subscriber ${record.subscriber}`, timeOf(record));
    if (record.happened === 'up') end(`subscriber ${record.subscriber}`, timeOf(record));
  }
  return spans;
}

const isOnTheWay = (target: string): boolean => target === '*' || /worker|nats/.test(target);

const isNear = (atMs: number, spans: readonly Span[]): boolean =>
  spans.some(({ fromMs, toMs }) => fromMs - NEAR_MS <= atMs && atMs <= toMs + NEAR_MS);

const vanished = ({ commandId, ends }: CommandTrace, dropped: number): Violation => ({
  invariant: 'I11',
  detail: 'the frame of a completed preview never came, and nothing was wrong on its way',
  commandId,
  atMs: ends[0]?.tsMs,
  evidence: { log: ends[0]?.event.type, history: 'no frame', metrics: { dropped } },
});

function invented(telemetry: readonly Telemetry[], traces: ReadonlyMap<string, CommandTrace>): Violation[] {
  return telemetry.flatMap((record) => {
    if (!('commandId' in record)) return [];
    const trace = traces.get(record.commandId);
    const type = record.happened === 'frame' ? 'unity.render_preview' : 'unity.run_build';
    if (trace?.type === type && trace.sessionId === record.session) return [];
    return [
      {
        invariant: 'I11' as const,
        detail: `a ${record.happened} came of a command that is ${trace?.type ?? 'not in the log'}`,
        commandId: record.commandId,
        atMs: timeOf(record),
        evidence: { history: record, log: trace?.type ?? 'no event of it' },
      },
    ];
  });
}

/** The stream drops its oldest: what lies there is at most what its sequences have room for, and each is of a known command. */
function ownCount({ telemetry, log }: Evidence): Violation[] {
  if (!telemetry) return [];
  const { firstSeq, lastSeq, kept, commandIds } = telemetry;
  const strangers = commandIds.filter((commandId) => !indexOf(log).commands.has(commandId));
  const fits = kept <= Math.max(0, lastSeq - firstSeq + 1);
  if (fits && strangers.length === 0) return [];
  return [
    {
      invariant: 'I11',
      detail: fits
        ? `${strangers.length} telemetry messages are of no command of the log`
        : `the telemetry stream holds ${kept} messages between ${firstSeq} and ${lastSeq}`,
      evidence: { nats: { firstSeq, lastSeq, kept, strangers: strangers.slice(0, 5) } },
    },
  ];
}
