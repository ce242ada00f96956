import type { Happened } from './dashboardHistory.js';

/** One ended call, as the raw events say; the rules are written out here again and share no code with the projections. */
export interface CallFact {
  readonly tsMs: number;
  readonly name: string;
  readonly outcome: string;
  readonly errorCode: string;
  readonly durationMs: number | null;
  readonly sessionId: string;
  readonly editor: string;
}

/** Names of events that are not the names of their calls. */
const CALL_NAMES: Readonly<Record<string, string>> = {
  preview: 'render_unity_preview',
  build: 'run_unity_build',
};

/** A command's first end is its call's, unless it ended before it began. */
export function callsIn(history: readonly Happened[]): CallFact[] {
  const begun = new Set<string>();
  const ended = new Set<string>();
  const calls: CallFact[] = [];
  for (const { event, tsMs } of history) {
    if (event.kind === 'started') begun.add(event.commandId);
    if (event.kind !== 'completed' && event.kind !== 'failed') continue;
    if (ended.has(event.commandId)) continue;
    ended.add(event.commandId);
    if (event.durationMs === null && !begun.has(event.commandId)) continue;
    const prefix = event.type.split('.')[0] ?? '';
    calls.push({
      tsMs,
      name: CALL_NAMES[prefix] ?? prefix,
      outcome: event.outcome,
      errorCode: event.kind === 'failed' ? event.error.code : '',
      durationMs: event.durationMs,
      sessionId: event.sessionId,
      editor: event.editor,
    });
  }
  return calls;
}

export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;

/** What happened in the window. */
export function within<T extends { readonly tsMs: number }>(
  all: readonly T[],
  { nowMs, hours }: { readonly nowMs: number; readonly hours: number },
): T[] {
  return all.filter(({ tsMs }) => tsMs >= nowMs - hours * HOUR_MS && tsMs <= nowMs);
}

export function groupBy<T>(all: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of all) {
    const group = groups.get(key(item));
    if (group) group.push(item);
    else groups.set(key(item), [item]);
  }
  return groups;
}

/** The value that `share` of all values do not exceed (nearest rank): exact, for buckets to be compared with. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN;
}

export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

export const mean = (values: readonly number[]): number => sum(values) / values.length;

/** Where the step of `widthMs` begins that holds `tsMs`, as ISO text. */
export const stepOf = (tsMs: number, widthMs: number): string =>
  new Date(Math.floor(tsMs / widthMs) * widthMs).toISOString();
