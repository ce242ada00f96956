import {
  type CallFact,
  callsIn,
  groupBy,
  HOUR_MS,
  MINUTE_MS,
  mean,
  percentile,
  stepOf,
  sum,
  within,
} from './dashboardFacts.js';
import type { Happened } from './dashboardHistory.js';
import type { Seed } from './dashboardRig.js';

/** A value that only has to be near: `share` of it off at most. */
export interface Near {
  readonly near: number;
  readonly share: number;
}

export type Cell = string | number | null | Near;
export type ExpectedRow = Readonly<Record<string, Cell>>;

/** The window a panel was asked about: it ends at `nowMs`. */
export interface Span {
  readonly nowMs: number;
  readonly hours: number;
  /** Of panels by the minute: at most 180 steps of whole minutes. */
  readonly stepMs: number;
  /** Of percentiles: at most 36 steps, of whole minutes up to 36 minutes and of whole slices of five beyond. */
  readonly coarseMs: number;
  /** Of panels by slices of five minutes: at most 144 steps of whole slices. */
  readonly sliceMs: number;
}

export function spanOf(nowMs: number, hours: number): Span {
  const minutes = hours * 60;
  return {
    nowMs,
    hours,
    stepMs: Math.max(1, Math.ceil(minutes / 180)) * MINUTE_MS,
    coarseMs: (minutes <= 36 ? 1 : 5 * Math.ceil(minutes / 5 / 36)) * MINUTE_MS,
    sliceMs: Math.max(1, Math.ceil(minutes / 5 / 144)) * 5 * MINUTE_MS,
  };
}

/** What the raw facts say a panel must show, in any order. */
export type PanelCase = (facts: Facts, span: Span) => ExpectedRow[];

export interface Facts extends Seed {
  /** Without what could not be projected. */
  readonly history: readonly Happened[];
  readonly poison: readonly Happened[];
  readonly calls: readonly CallFact[];
}

export function factsOf(seed: Seed): Facts {
  const history = seed.history.filter((each) => each.poison !== true);
  const poison = seed.history.filter((each) => each.poison === true);
  return { ...seed, history, poison, calls: callsIn(history) };
}

const bucketed = (value: number): Near => ({ near: value, share: 0.07 });
const percent = (part: number, whole: number): number | null => (whole === 0 ? null : (100 * part) / whole);
const completedOf = (calls: readonly CallFact[]): number =>
  calls.filter(({ outcome }) => outcome === 'completed').length;
const durations = (calls: readonly CallFact[]): number[] =>
  calls.flatMap(({ durationMs }) => (durationMs === null ? [] : [durationMs]));
const timedGroups = (calls: readonly CallFact[], key: (call: CallFact) => string): [string, number[]][] =>
  [...groupBy(calls, key)]
    .map(([name, group]): [string, number[]] => [name, durations(group)])
    .filter(([, values]) => values.length > 0);
/** Key of a group of one step of `widthMs`. */
const inStep = (tsMs: number, widthMs: number, metric: string): string =>
  `${stepOf(tsMs, widthMs)}|${metric}`;
const partsOf = (key: string): [time: string, metric: string] => {
  const [time = '', ...metric] = key.split('|');
  return [time, metric.join('|')];
};

/** Panels about calls and sessions. */
export const CALL_CASES: Readonly<Record<string, PanelCase>> = {
  preview_success: ({ calls }, span) => {
    const previews = within(calls, span).filter(({ name }) => name === 'render_unity_preview');
    const taken = completedOf(previews);
    return [{ success_rate_percent: percent(taken, previews.length), taken, ended: previews.length }];
  },
  function_call_success: ({ calls }, span) => {
    const ended = within(calls, span);
    const succeeded = completedOf(ended);
    return [{ success_rate_percent: percent(succeeded, ended.length), succeeded, ended: ended.length }];
  },
  latency_by_tool: ({ calls }, span) =>
    timedGroups(within(calls, span), ({ name }) => name).map(([name, values]) => ({
      name,
      calls: values.length,
      p50_ms: bucketed(percentile(values, 0.5)),
      p95_ms: bucketed(percentile(values, 0.95)),
      p99_ms: bucketed(percentile(values, 0.99)),
    })),
  latency_over_time: ({ calls }, span) =>
    timedGroups(within(calls, span), ({ tsMs, name }) => inStep(tsMs, span.coarseMs, name)).map(
      ([key, values]) => {
        const [time, metric] = partsOf(key);
        return { time, metric, p95_ms: bucketed(percentile(values, 0.95)) };
      },
    ),
  error_rate_by_tool: ({ calls }, span) =>
    [...groupBy(within(calls, span), ({ name }) => name)].map(([name, group]) => {
      const errors = group.length - completedOf(group);
      return { name, calls: group.length, errors, error_rate_percent: percent(errors, group.length) };
    }),
  error_rate_over_time: ({ calls }, span) =>
    [...groupBy(within(calls, span), ({ tsMs, name }) => inStep(tsMs, span.stepMs, name))].map(
      ([key, group]) => {
        const [time, metric] = partsOf(key);
        return { time, metric, error_rate_percent: percent(group.length - completedOf(group), group.length) };
      },
    ),
  errors_by_code: ({ calls }, span) => {
    const errors = within(calls, span).filter(({ outcome }) => outcome !== 'completed');
    const key = (call: CallFact): string => [call.name, call.outcome, call.errorCode].join('|');
    return [...groupBy(errors, key)]
      .map(([text, group]) => ({ text, calls: group.length }))
      .sort((a, b) => b.calls - a.calls || (a.text < b.text ? -1 : 1))
      .slice(0, 20)
      .map(({ text, calls: count }) => {
        const [name = '', outcome = '', error_code = ''] = text.split('|');
        return { name, outcome, error_code, calls: count };
      });
  },
  function_calls: ({ calls }, span) =>
    [...groupBy(within(calls, span), ({ name, outcome }) => `${name}|${outcome}`)].map(([key, group]) => {
      const [name, outcome] = partsOf(key);
      const values = durations(group);
      return { name, outcome, calls: group.length, mean_ms: values.length === 0 ? null : mean(values) };
    }),
  slowest_sessions: ({ calls }, span) =>
    [...groupBy(within(calls, span), ({ sessionId }) => sessionId)]
      .map(([session_id, group]) => {
        const values = durations(group);
        const [mean_ms, max_ms] = [mean(values), Math.max(...values)];
        return { session_id, mean_ms, max_ms, total_ms: sum(values), calls: group.length };
      })
      .filter(({ mean_ms }) => !Number.isNaN(mean_ms))
      .sort((a, b) => b.mean_ms - a.mean_ms)
      .slice(0, 10),
  // Whatever the window: it is about now.
  sessions_now: ({ history, calls }) => {
    const fromMs = (Math.floor(Date.now() / (5 * MINUTE_MS)) - 1) * 5 * MINUTE_MS;
    const events = history.filter(({ tsMs }) => tsMs >= fromMs);
    return [
      {
        sessions: new Set(events.map(({ event }) => event.sessionId)).size,
        events: events.length,
        calls: calls.filter(({ tsMs }) => tsMs >= fromMs).length,
      },
    ];
  },
  sessions_over_time: ({ history }, span) =>
    [...groupBy(within(history, span), ({ tsMs }) => stepOf(tsMs, span.sliceMs))].map(([time, group]) => ({
      time,
      sessions: new Set(group.map(({ event }) => event.sessionId)).size,
    })),
};

interface UsageFact {
  readonly tsMs: number;
  readonly model: string;
  readonly type: string;
  readonly sessionId: string;
  readonly input: number;
  readonly output: number;
  readonly cost: number;
}

/** The type is that of the command it was told beside. */
function usageIn(history: readonly Happened[]): UsageFact[] {
  const types = new Map(
    history.flatMap(({ event }) =>
      event.kind === 'started' ? [[event.commandId, event.envelope.type] as const] : [],
    ),
  );
  return history.flatMap(({ event, tsMs }) => {
    if (event.kind !== 'noted' || event.note.kind !== 'usage') return [];
    const { model, inputTokens: input, outputTokens: output, costUsd: cost = 0 } = event.note;
    const type = types.get(event.commandId) ?? '';
    return [{ tsMs, model, type, sessionId: event.sessionId, input, output, cost }];
  });
}

/** By whole hours: that of the window's begin and that of its end are in it whole. */
function wholeHours(all: readonly UsageFact[], { nowMs, hours }: Span): UsageFact[] {
  const from = Math.floor((nowMs - hours * HOUR_MS) / HOUR_MS) * HOUR_MS;
  return all.filter(({ tsMs }) => tsMs >= from && Math.floor(tsMs / HOUR_MS) * HOUR_MS <= nowMs);
}

const totals = (group: readonly UsageFact[]) => ({
  input_tokens: sum(group.map(({ input }) => input)),
  output_tokens: sum(group.map(({ output }) => output)),
  cost_usd: sum(group.map(({ cost }) => cost)),
});

/** Panels about tokens and cost. */
export const USAGE_CASES: Readonly<Record<string, PanelCase>> = {
  tokens_over_time: ({ history }, span) =>
    [...groupBy(wholeHours(usageIn(history), span), ({ tsMs, model }) => inStep(tsMs, HOUR_MS, model))].map(
      ([key, group]) => {
        const [time, metric] = partsOf(key);
        const { input_tokens, output_tokens } = totals(group);
        return { time, metric, input_tokens, output_tokens };
      },
    ),
  cost_over_time: ({ history }, span) =>
    [...groupBy(wholeHours(usageIn(history), span), ({ tsMs, model }) => inStep(tsMs, HOUR_MS, model))].map(
      ([key, group]) => {
        const [time, metric] = partsOf(key);
        return { time, metric, cost_usd: totals(group).cost_usd };
      },
    ),
  usage_by_type: ({ history }, span) =>
    [...groupBy(wholeHours(usageIn(history), span), ({ type, model }) => `${type}|${model}`)].map(
      ([key, group]) => {
        const [command_type, model] = partsOf(key);
        return { command_type, model, reports: group.length, ...totals(group) };
      },
    ),
  usage_by_session: ({ history }, span) =>
    [...groupBy(wholeHours(usageIn(history), span), ({ sessionId }) => sessionId)]
      .map(([session_id, group]) => ({ session_id, reports: group.length, ...totals(group) }))
      .sort((a, b) => b.cost_usd - a.cost_usd)
      .slice(0, 10),
};
