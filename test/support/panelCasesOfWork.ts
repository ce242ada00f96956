import { movesOf } from '../../src/events/event.js';
import { groupBy, MINUTE_MS, mean, stepOf, sum, within } from './dashboardFacts.js';
import type { Happened } from './dashboardHistory.js';
import type { ExpectedRow, Facts, PanelCase } from './panelCases.js';

const percent = (part: number, whole: number): number | null => (whole === 0 ? null : (100 * part) / whole);
const isoOf = (tsMs: number): string => new Date(tsMs).toISOString();

interface PreviewFact {
  readonly tsMs: number;
  readonly mode: string;
  readonly cached: boolean;
}

const previewsIn = (history: readonly Happened[]): PreviewFact[] =>
  history.flatMap(({ event, tsMs }) =>
    event.kind === 'completed' && event.preview
      ? [{ tsMs, mode: event.preview.mode, cached: event.preview.cached === true }]
      : [],
  );
const hitsOf = (previews: readonly PreviewFact[]): number => previews.filter(({ cached }) => cached).length;

interface BuildFact {
  readonly tsMs: number;
  readonly job_id: string;
  readonly editor: string;
  readonly state: string;
  readonly durationMs: number | null;
  readonly total_bytes: number | null;
  readonly error_code: string | null;
}

function buildsIn(history: readonly Happened[]): BuildFact[] {
  return history.flatMap(({ event, tsMs }) => {
    if (event.kind !== 'started' || event.build === undefined) return [];
    const end = history.find(
      ({ event: other }) => other.commandId === event.commandId && other.kind !== 'started',
    );
    const last = end?.event;
    const kept = ['completed', 'outcome_unknown', 'cancelled'];
    const outcome = last?.kind === 'completed' || last?.kind === 'failed' ? last.outcome : 'started';
    return [
      {
        tsMs,
        job_id: event.commandId,
        editor: event.editor,
        state: outcome === 'started' || kept.includes(outcome) ? outcome : 'failed',
        durationMs: end ? end.tsMs - tsMs : null,
        total_bytes: last?.kind === 'completed' ? (last.build?.totalBytes ?? null) : null,
        error_code: last?.kind === 'failed' ? last.error.code : null,
      },
    ];
  });
}

interface MoveFact {
  readonly tsMs: number;
  readonly direction: string;
  readonly tool: string;
}

const movesIn = (history: readonly Happened[]): MoveFact[] =>
  history.flatMap(({ event, tsMs }) =>
    movesOf(event).map(({ direction, operation }) => ({ tsMs, direction, tool: operation.tool })),
  );

/** Panels about previews, builds and undo. */
const WORK: Readonly<Record<string, PanelCase>> = {
  preview_cache: ({ history }, span) => {
    const previews = within(previewsIn(history), span);
    const hits = hitsOf(previews);
    return [{ hit_rate_percent: percent(hits, previews.length), hits, misses: previews.length - hits }];
  },
  preview_cache_over_time: ({ history }, span) =>
    [
      ...groupBy(
        within(previewsIn(history), span),
        ({ tsMs, mode }) => `${stepOf(tsMs, span.stepMs)}|${mode}`,
      ),
    ].map(([key, group]) => {
      const [time = '', metric = ''] = key.split('|');
      return { time, metric, hit_rate_percent: percent(hitsOf(group), group.length) };
    }),
  builds_by_state: ({ history }, span) => {
    const all = buildsIn(history);
    const shown = all.filter((build) => build.state === 'started' || within([build], span).length > 0);
    return [...groupBy(shown, ({ state }) => state)].map(([state, group]) => ({
      target: 'webgl',
      state,
      builds: group.length,
      mean_s: state === 'started' ? null : mean(group.map(({ durationMs }) => (durationMs ?? 0) / 1_000)),
      oldest: isoOf(Math.min(...group.map(({ tsMs }) => tsMs))),
    }));
  },
  builds_newest: ({ history }, span) =>
    within(buildsIn(history), span)
      .sort((a, b) => b.tsMs - a.tsMs)
      .slice(0, 20)
      .map(({ tsMs, durationMs, ...build }) => ({
        ...build,
        started_at: isoOf(tsMs),
        target: 'webgl',
        duration_s: durationMs === null ? null : durationMs / 1_000,
      })),
  undo_over_time: ({ history, calls }, span) => {
    const refused = calls.filter(
      ({ name, outcome }) => /^(undo|redo|rollback)$/.test(name) && outcome === 'conflict',
    );
    const facts = [
      ...movesIn(history).map(({ tsMs, direction }) => ({ tsMs, metric: direction })),
      ...refused.map(({ tsMs }) => ({ tsMs, metric: 'conflict' })),
    ];
    return countsByStep(within(facts, span), span.stepMs, 'operations');
  },
  undo_by_tool: ({ history }, span) =>
    [...groupBy(within(movesIn(history), span), ({ tool }) => tool)].map(([tool, group]) => {
      const of = (direction: string): number => group.filter((move) => move.direction === direction).length;
      const [applied, undone, redone] = [of('apply'), of('undo'), of('redo')];
      return { tool, applied, undone, redone, undone_percent: percent(undone, applied) };
    }),
};

const countsByStep = (
  facts: readonly { readonly tsMs: number; readonly metric: string }[],
  widthMs: number,
  column: string,
): ExpectedRow[] =>
  [...groupBy(facts, ({ tsMs, metric }) => `${stepOf(tsMs, widthMs)}|${metric}`)].map(([key, group]) => {
    const [time = '', metric = ''] = key.split('|');
    return { time, metric, [column]: group.length };
  });

/** Letters of both sources, as they stand after what was done about them. */
function lettersIn({ letters, actions, poison }: Facts) {
  const done = new Set(actions.map(({ letterId }) => letterId));
  const ofStream = letters.map(({ tsMs, letter }, i) => ({
    ...{ tsMs, source: 'stream', reason: letter.reason, open: !done.has(i + 1), id: i + 1 },
    ...{ session_id: letter.sessionId, editor: letter.editor, attempts: letter.attempts },
  }));
  const ofProjector = poison.map(({ tsMs, event }) => ({
    ...{ tsMs, source: 'projector', reason: 'poison_event', open: true, id: null },
    ...{ session_id: event.sessionId, editor: event.editor, attempts: 1 },
  }));
  return [...ofStream, ...ofProjector];
}

/** Panels about dead letters. */
const LETTERS: Readonly<Record<string, PanelCase>> = {
  dead_letters_open: (facts) =>
    [
      ...groupBy(
        lettersIn(facts).filter(({ open }) => open),
        ({ source, reason }) => `${source}|${reason}`,
      ),
    ].map(([key, group]) => {
      const [source = '', reason = ''] = key.split('|');
      const times = group.map(({ tsMs }) => tsMs);
      return {
        source,
        reason,
        letters: group.length,
        oldest: isoOf(Math.min(...times)),
        newest: isoOf(Math.max(...times)),
      };
    }),
  dead_letters_over_time: (facts, span) =>
    countsByStep(
      within(lettersIn(facts), span).map(({ tsMs, reason }) => ({ tsMs, metric: reason })),
      span.stepMs,
      'letters',
    ),
  dead_letters_newest: (facts) =>
    lettersIn(facts)
      .filter(({ open }) => open)
      .sort((a, b) => b.tsMs - a.tsMs)
      .slice(0, 20)
      .map(({ tsMs, source, reason, session_id, editor, attempts }) => ({
        ...{ ts: isoOf(tsMs), source, reason, session_id, editor, attempts },
      })),
};

interface LaneFact {
  readonly editor: string;
  readonly acceptedMs: number;
  readonly endedMs: number | null;
  readonly completed: boolean;
}

/** Each command's way through its lane. */
function lanesIn(history: readonly Happened[]): LaneFact[] {
  return [...groupBy(history, ({ event }) => event.commandId).values()].map((life) => {
    const envelope = life.flatMap(({ event }) =>
      event.kind === 'started' || (event.kind === 'failed' && event.envelope) ? [event.envelope] : [],
    )[0];
    const end = life.find(({ event }) => event.kind === 'completed' || event.kind === 'failed');
    return {
      editor: life[0]?.event.editor ?? '',
      acceptedMs: Date.parse(envelope?.acceptedAt ?? ''),
      endedMs: end?.tsMs ?? null,
      completed: end?.event.kind === 'completed',
    };
  });
}

/** Panels about editors. */
const EDITORS: Readonly<Record<string, PanelCase>> = {
  lanes_over_time: ({ history }, span) => {
    const ends = lanesIn(history).flatMap(({ endedMs, editor }) =>
      endedMs === null ? [] : [{ tsMs: endedMs, metric: editor }],
    );
    const changed = lanesIn(history).map(({ acceptedMs, editor }) => ({ tsMs: acceptedMs, metric: editor }));
    const [ended, seen] = [ends, [...ends, ...changed]].map(
      (facts) =>
        new Map(
          countsByStep(within(facts, span), span.stepMs, 'n').map((row) => [
            `${row['time']}|${row['metric']}`,
            row,
          ]),
        ),
    );
    return [...(seen ?? new Map<string, ExpectedRow>())].map(([key, { time = '', metric = '' }]) => ({
      time,
      metric,
      per_minute: Number(ended?.get(key)?.['n'] ?? 0) / (span.stepMs / MINUTE_MS),
    }));
  },
  editors: ({ history, calls, waiting }, span) => {
    const lanes = groupBy(lanesIn(history), ({ editor }) => editor);
    const names = new Set([...lanes.keys(), ...waiting.map(({ editor }) => editor)]);
    return [...names].map((editor) => {
      const all = lanes.get(editor) ?? [];
      const ended = all.filter(
        ({ endedMs }) => endedMs !== null && within([{ tsMs: endedMs }], span).length > 0,
      );
      const seen = history.filter(({ event }) => event.editor === editor).map(({ tsMs }) => tsMs);
      const busyMs = sum(
        within(calls, span)
          .filter((call) => call.editor === editor)
          .map(({ durationMs }) => durationMs ?? 0),
      );
      return {
        editor,
        waiting: waiting.filter((each) => each.editor === editor).length,
        running: all.filter(({ endedMs }) => endedMs === null).length,
        accepted: all.filter(({ acceptedMs }) => within([{ tsMs: acceptedMs }], span).length > 0).length,
        ended: ended.length,
        failed: ended.filter(({ completed }) => !completed).length,
        busy_percent: (100 * busyMs) / (span.hours * 3_600_000),
        last_seen: seen.length === 0 ? null : isoOf(Math.max(...seen)),
      };
    });
  },
  queue_depth: ({ history, waiting }, span) => {
    const { stepMs } = span;
    const lanes = groupBy(
      [
        ...lanesIn(history),
        ...waiting.map(({ editor, acceptedMs }) => ({ editor, acceptedMs, endedMs: null, completed: false })),
      ],
      ({ editor }) => editor,
    );
    return [...lanes].flatMap(([metric, all]) => {
      const changes = all.flatMap(({ acceptedMs, endedMs }) =>
        [acceptedMs, endedMs].flatMap((tsMs) => (tsMs === null ? [] : [{ tsMs }])),
      );
      const steps = new Set(within(changes, span).map(({ tsMs }) => Math.floor(tsMs / stepMs) * stepMs));
      return [...steps].map((step) => {
        // What comes after the window is not in its last step, whatever that step's length.
        const end = Math.min(step + stepMs, Math.floor(span.nowMs / MINUTE_MS + 1) * MINUTE_MS);
        const before = (tsMs: number | null): boolean => tsMs !== null && tsMs < end;
        const open = all.filter(({ acceptedMs, endedMs }) => before(acceptedMs) && !before(endedMs));
        return { time: isoOf(step), metric, depth: open.length };
      });
    });
  },
};

export const WORK_CASES: Readonly<Record<string, PanelCase>> = { ...WORK, ...LETTERS, ...EDITORS };
