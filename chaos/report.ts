import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Judged } from './checker/check.js';
import type { Checked } from './checker/checkRun.js';
import type { Evidence } from './checker/evidence.js';
import { groupBy } from './checker/groupBy.js';
import { resyncsOf } from './checker/invariants/i10LiveFeedsHaveNoGap.js';
import { indexOf, stateOfTrace } from './checker/logIndex.js';
import { asksForCommand, isAccepted, operationsOf, phaseMs } from './checker/operations.js';
import type { Violation } from './checker/violation.js';
import type { HistoryRecord } from './history.js';

/** Violations that the table tells of each invariant; the JSON has all. */
const TOLD = 5;

export interface RecoveryTime {
  readonly kind: string;
  readonly ms: number;
}

export interface RunFacts {
  readonly seed: string;
  readonly minutes: number;
  readonly cluster: boolean;
  /** How long processes were away, from the harm to their work for others. */
  readonly recoveries: readonly RecoveryTime[];
  /** Ms from healing until everything accepted had ended; undefined: it did not settle. */
  readonly settledMs: number | undefined;
  /** What went wrong with the run itself: a harm not healed, a check that could not be made. */
  readonly troubles: readonly string[];
}

export interface Report {
  readonly facts: Omit<RunFacts, 'recoveries'>;
  readonly passed: boolean;
  readonly commands: {
    readonly total: number;
    readonly perSecond: number;
    readonly byState: Counts;
    /** Of those that did not complete, by the code of their error. */
    readonly byCode: Counts;
    readonly byType: Counts;
    readonly sends: number;
    readonly accepted: number;
    readonly refused: number;
    readonly unanswered: number;
    /** Accepted sends that were told that their key is known. */
    readonly duplicatesAnswered: number;
    readonly conflicts: number;
  };
  readonly faults: { readonly kills: number; readonly killsByKind: Counts; readonly byKind: Counts };
  readonly recovery: Readonly<
    Record<string, { readonly count: number; readonly p50Ms: number; readonly p99Ms: number }>
  >;
  /** Ms between two neighbouring ends while the system was loaded. */
  readonly longestGapMs: number;
  readonly liveResyncs: number;
  readonly invariants: readonly Judged[];
}

type Counts = Readonly<Record<string, number>>;

/** What a run was, in figures. Pure. */
export function reportOf(
  { judged, evidence }: Pick<Checked, 'judged' | 'evidence'>,
  facts: RunFacts,
): Report {
  const { recoveries, ...rest } = facts;
  return {
    facts: rest,
    // A run that does not come to rest, or in which an invariant had nothing to look at, has proved nothing.
    passed:
      rest.settledMs !== undefined &&
      rest.troubles.length === 0 &&
      judged.every(({ checked, violations }) => checked > 0 && violations.length === 0),
    commands: commandsOf(evidence),
    faults: faultsOf(evidence.history),
    recovery: recoveryOf(recoveries),
    longestGapMs: longestGap(evidence),
    liveResyncs: resyncsOf(evidence),
    invariants: judged,
  };
}

function commandsOf({ log, history }: Evidence): Report['commands'] {
  const traces = [...indexOf(log).commands.values()];
  const byState = countsOf(traces, stateOfTrace);
  const sends = operationsOf(history).filter(asksForCommand);
  const count = (kind: string): number => sends.filter(({ answer }) => answer?.kind === kind).length;
  const seconds = ((phaseMs(history, 'healing') ?? 0) - (phaseMs(history, 'run') ?? 0)) / 1_000;
  return {
    total: traces.length,
    perSecond: seconds > 0 ? Math.round((traces.length / seconds) * 10) / 10 : 0,
    byState,
    byCode: countsOf(
      traces.flatMap(({ ends: [end] }) => (end?.event.error ? [end.event.error.code] : [])),
      (code) => code,
    ),
    byType: countsOf(traces, ({ type }) => type ?? 'unknown'),
    sends: sends.length,
    accepted: count('ok'),
    refused: count('fail'),
    unanswered: sends.length - count('ok') - count('fail'),
    duplicatesAnswered: sends.filter((send) => isAccepted(send) && send.answer?.duplicate === true).length,
    conflicts: byState['conflict'] ?? 0,
  };
}

function faultsOf(history: readonly HistoryRecord[]): Report['faults'] {
  const kills = history.filter((record) => record.kind === 'process' && record.phase === 'kill');
  const faults = history.filter((record) => record.kind === 'nemesis' && record.phase === 'start');
  return {
    kills: kills.length,
    killsByKind: countsOf(kills, (record) => ('role' in record ? record.role : '')),
    byKind: countsOf(faults, (record) => ('fault' in record ? record.fault : '')),
  };
}

function countsOf<Item>(items: readonly Item[], nameOf: (item: Item) => string): Counts {
  const counts = [...groupBy(items, nameOf)].map(([name, group]) => [name, group.length] as const);
  return Object.fromEntries(counts.sort(([a], [b]) => a.localeCompare(b)));
}

function recoveryOf(recoveries: readonly RecoveryTime[]): Report['recovery'] {
  return Object.fromEntries(
    [...groupBy(recoveries, ({ kind }) => kind)].map(([kind, own]) => {
      const times = own.map(({ ms }) => ms).sort((a, b) => a - b);
      return [kind, { count: times.length, p50Ms: percentile(times, 0.5), p99Ms: percentile(times, 0.99) }];
    }),
  );
}

/** Nearest rank of sorted figures. */
const percentile = (sorted: readonly number[], p: number): number =>
  Math.round(sorted[Math.max(0, Math.ceil(sorted.length * p) - 1)] ?? 0);

function longestGap({ log, history }: Evidence): number {
  const [from, to] = [phaseMs(history, 'run') ?? 0, phaseMs(history, 'healing') ?? Infinity];
  const ends = [...indexOf(log).commands.values()]
    .flatMap((trace) => trace.ends.map(({ tsMs }) => tsMs))
    .filter((tsMs) => tsMs >= from && tsMs <= to)
    .sort((a, b) => a - b);
  return Math.round(Math.max(0, ...ends.map((tsMs, at) => tsMs - (ends[at - 1] ?? tsMs))));
}

/** The report as people read it. */
export function tableOf(report: Report): string {
  const { facts, commands, faults, recovery } = report;
  const counts = (values: Counts): string =>
    Object.entries(values)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ') || 'none';
  const lines = [
    `chaos: ${report.passed ? 'PASSED' : 'FAILED'} · ${facts.minutes} min · seed ${facts.seed} · ${facts.cluster ? '3-node NATS' : 'one NATS'}`,
    `commands      ${commands.total} (${commands.perSecond}/s): ${counts(commands.byState)}`,
    `  not done    ${counts(commands.byCode)}`,
    `  types       ${counts(commands.byType)}`,
    `sends         ${commands.sends}: accepted ${commands.accepted}, refused ${commands.refused}, unanswered ${commands.unanswered}`,
    `duplicates    ${commands.duplicatesAnswered} answered with the first command; conflicts ${commands.conflicts}; live resyncs ${report.liveResyncs}`,
    `kills         ${faults.kills}: ${counts(faults.killsByKind)}`,
    `faults        ${counts(faults.byKind)}`,
    ...facts.troubles.map((trouble) => `TROUBLE       ${trouble}`),
    `longest gap   ${report.longestGapMs} ms without an end; settled ${facts.settledMs === undefined ? 'NEVER' : `${facts.settledMs} ms after healing`}`,
    'recovery      process kind        n     p50 ms     p99 ms',
    ...Object.entries(recovery).map(
      ([kind, { count, p50Ms, p99Ms }]) =>
        `              ${kind.padEnd(14)}${String(count).padStart(6)}${String(p50Ms).padStart(11)}${String(p99Ms).padStart(11)}`,
    ),
    '',
    ...report.invariants.flatMap(invariantLines),
  ];
  return `${lines.join('\n')}\n`;
}

function invariantLines({ id, title, checked, violations, notes = [] }: Judged): string[] {
  const verdict =
    violations.length > 0 ? `${violations.length} VIOLATIONS` : checked > 0 ? 'holds' : 'NOT LOOKED AT';
  return [
    `${id.padEnd(4)} ${verdict.padEnd(15)} ${title} (${checked} checked)`,
    ...notes.map((note) => `       ${note}`),
    ...violations.slice(0, TOLD).flatMap(violationLines),
    ...(violations.length > TOLD ? [`       … ${violations.length - TOLD} more in report.json`] : []),
  ];
}

function violationLines({ detail, commandId, atMs, around = [], evidence }: Violation): string[] {
  const when = atMs === undefined ? '' : ` at ${new Date(atMs).toISOString()}`;
  return [
    `     ✗ ${detail}${commandId === undefined ? '' : ` [${commandId}]`}${when}`,
    ...(around.length > 0 ? [`       around it: ${around.join('; ')}`] : []),
    ...Object.entries(evidence).map(
      ([source, says]) => `       ${source}: ${cut(JSON.stringify(says) ?? 'nothing')}`,
    ),
  ];
}

const LINE_CHARS = 600;
const cut = (text: string): string => (text.length > LINE_CHARS ? `${text.slice(0, LINE_CHARS)}…` : text);

/** Writes report.txt and report.json into the folder and returns the table. */
export function writeReport(folder: string, report: Report): string {
  mkdirSync(folder, { recursive: true });
  const table = tableOf(report);
  writeFileSync(join(folder, 'report.txt'), table);
  writeFileSync(join(folder, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
  return table;
}
