import type { HistoryRecord } from '../history.js';
import type { Evidence } from './evidence.js';

export type InvariantId =
  | 'I1'
  | 'I2'
  | 'I3'
  | 'I4'
  | 'I5'
  | 'I6'
  | 'I7'
  | 'I8'
  | 'I9'
  | 'I10'
  | 'I11'
  | 'I12';

/** One breach, as a person can follow it up: which command, what each source says, when, and what was being done to the system then. */
export interface Violation {
  readonly invariant: InvariantId;
  readonly detail: string;
  readonly commandId?: string | undefined;
  /** What each source says: `history`, `log`, `effects`, `primary`, … */
  readonly evidence: Readonly<Record<string, unknown>>;
  /** Wall clock, epoch ms. */
  readonly atMs?: number | undefined;
  /** Faults that were at work within a few seconds of it. */
  readonly around?: readonly string[];
}

export interface Verdict {
  /** How many things were held against the invariant: none is no proof, and the report says so. */
  readonly checked: number;
  readonly violations: readonly Violation[];
  /** What a reader must know of how it was judged. */
  readonly notes?: readonly string[];
}

export interface Invariant {
  readonly id: InvariantId;
  readonly title: string;
  check(evidence: Evidence): Verdict;
}

/** How far from a breach a fault is still told. */
const AROUND_MS = 5_000;

/** Puts beside each violation the faults that were at work near its time. */
export function withFaults(
  violations: readonly Violation[],
  history: readonly HistoryRecord[],
): readonly Violation[] {
  const faults = faultSpans(history);
  return violations.map((violation) => {
    const { atMs } = violation;
    if (atMs === undefined) return violation;
    const around = faults
      .filter(({ fromMs, toMs }) => fromMs - AROUND_MS <= atMs && atMs <= toMs + AROUND_MS)
      .map(({ text, fromMs }) => `${text} (${sign(fromMs - atMs)} ms)`);
    return { ...violation, around };
  });
}

const sign = (ms: number): string => `${ms >= 0 ? '+' : ''}${Math.round(ms)}`;

interface FaultSpan {
  readonly text: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** Every fault with the time it was at work, wall clock; one that was never taken back lasts to the end. */
function faultSpans(history: readonly HistoryRecord[]): FaultSpan[] {
  const stops = new Map<string, number>();
  for (const record of history)
    if (record.kind === 'nemesis' && record.phase === 'stop') stops.set(record.id, Date.parse(record.at));
  return history.flatMap((record) => {
    if (record.kind === 'nemesis' && record.phase === 'start') {
      const fromMs = Date.parse(record.at);
      return [{ text: `${record.fault} ${record.target}`, fromMs, toMs: stops.get(record.id) ?? Infinity }];
    }
    if (record.kind === 'process' && record.phase === 'kill') {
      const atMs = Date.parse(record.at);
      return [{ text: `kill of ${record.name}`, fromMs: atMs, toMs: atMs }];
    }
    return [];
  });
}
