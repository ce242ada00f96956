import { isEnd, type LoggedEvent, type TerminalEvent } from '../../events/event.js';
import { definitionOfEvent } from '../../events/live.js';
import { stateAfter } from '../../events/outcome.js';

export type BuildJobState = 'started' | 'completed' | 'failed' | 'timeout' | 'outcome_unknown' | 'cancelled';

/** What the events of a batch say about one build. Times are epoch ms. */
export interface BuildJobChange {
  readonly jobId: string;
  /** From the event that began it; null where that one came in an earlier batch. */
  readonly made: {
    readonly seq: number;
    readonly sessionId: string;
    readonly editor: string;
    readonly target: string;
    readonly outputPath: string;
    readonly startedAtMs: number;
  } | null;
  /** Null: it goes on. */
  readonly end: {
    readonly state: BuildJobState;
    readonly finishedAtMs: number;
    readonly totalBytes: number | null;
    readonly warnings: number | null;
    readonly errorCode: string | null;
  } | null;
}

/** What an event says about a build; undefined for one that is about none. */
export function buildJobIn({ event, seq, tsMs }: LoggedEvent): BuildJobChange | undefined {
  const { commandId: jobId, sessionId, editor } = event;
  if (event.kind === 'started') {
    if (event.build === undefined) return undefined;
    return { jobId, made: { seq, sessionId, editor, ...event.build, startedAtMs: tsMs }, end: null };
  }
  if (!isEnd(event) || definitionOfEvent(event.type)?.effect !== 'job') return undefined;
  const { totalBytes = null, warnings = null } = event.kind === 'completed' ? (event.build ?? {}) : {};
  const errorCode = event.kind === 'failed' ? event.error.code : null;
  return {
    jobId,
    made: null,
    end: { state: endStateOf(event), finishedAtMs: tsMs, totalBytes, warnings, errorCode },
  };
}

function endStateOf(event: TerminalEvent): BuildJobState {
  if (event.type.endsWith('.timeout')) return 'timeout';
  const state = stateAfter(event);
  return state === 'completed' || state === 'outcome_unknown' || state === 'cancelled' ? state : 'failed';
}

/** Two changes of one build, in log order, as one: its first beginning and its first end count. */
export function mergeBuildJob(before: BuildJobChange | undefined, after: BuildJobChange): BuildJobChange {
  return before === undefined
    ? after
    : { jobId: after.jobId, made: before.made ?? after.made, end: before.end ?? after.end };
}
