import type { BuildIntent, FailedEvent, SparkEvent, StartedEvent } from '../../events/event.js';
import { stateAfter } from '../../events/outcome.js';
import type { BuildPhase } from '../buildPort.js';

/** Ended builds kept for status questions; older ones are in the read models. */
const MAX_ENDED = 1_000;
/** How long a build that an earlier life had started keeps its editor before this life has taken it up again. */
const TAKE_UP_MS = 60_000;

/** A build that has started and not ended, as the log tells it and, when it is watched, its last look. */
export interface OpenBuild {
  readonly started: StartedEvent;
  readonly build: BuildIntent;
  watch: Watch | undefined;
}

/** What a watcher shows of its build, and how it is asked to cancel it. */
export interface Watch {
  readonly phase: BuildPhase;
  readonly editorJobId: string | null;
  readonly elapsedMs: number;
  readonly percent: number | null;
  /** Asks the editor to cancel; false when it will not. The build ends as `cancelled` once the editor says so. */
  cancel(): Promise<boolean>;
}

export interface EndedBuild {
  readonly editor: string;
  readonly sessionId: string;
  readonly build: BuildIntent;
  readonly state: string;
  readonly result: Readonly<Record<string, unknown>> | null;
  readonly error: FailedEvent['error'] | null;
  readonly startedAt: string;
  readonly endedAt: string;
}

/** Builds by command id: a fold of the log, and beside it what the watchers of this life see. */
export class BuildJobs {
  readonly #open = new Map<string, OpenBuild>();
  readonly #ended = new Map<string, EndedBuild>();
  #firstAskedMs: number | undefined;

  apply(event: SparkEvent): void {
    if (event.kind === 'noted') return;
    if (event.kind === 'started') {
      if (event.build && !this.#open.has(event.commandId))
        this.#open.set(event.commandId, { started: event, build: event.build, watch: undefined });
      return;
    }
    const open = this.#open.get(event.commandId);
    if (!open) return;
    this.#open.delete(event.commandId);
    const { editor, sessionId, timestamp } = event;
    this.#ended.set(event.commandId, {
      editor,
      sessionId,
      build: open.build,
      state: event.type.endsWith('.timeout') ? 'timeout' : stateAfter(event),
      result: event.kind === 'completed' ? event.result : null,
      error: event.kind === 'failed' ? event.error : null,
      startedAt: open.started.timestamp,
      endedAt: timestamp,
    });
    for (const oldest of this.#ended.keys()) {
      if (this.#ended.size <= MAX_ENDED) return;
      this.#ended.delete(oldest);
    }
  }

  /** A watcher has taken the build up; call again with every look. Does nothing once it has ended. */
  watching(commandId: string, watch: Watch): void {
    const open = this.#open.get(commandId);
    if (open) open.watch = watch;
  }

  /**
   * Whether a build other than `exceptId` occupies the editor: one that is watched, or, shortly after a start, one that an earlier life
   * began and nobody has taken up yet. Bounded, so that a build whose command is gone for good cannot close its editor.
   */
  runningOn(editor: string, exceptId: string, monotonicMs: number): boolean {
    this.#firstAskedMs ??= monotonicMs;
    const mayStillCome = monotonicMs - this.#firstAskedMs < TAKE_UP_MS;
    for (const [commandId, { started, watch }] of this.#open)
      if (started.editor === editor && commandId !== exceptId && (watch || mayStillCome)) return true;
    return false;
  }

  open(jobId: string): OpenBuild | undefined {
    return this.#open.get(jobId);
  }

  ended(jobId: string): EndedBuild | undefined {
    return this.#ended.get(jobId);
  }

  /** Ended builds of a session that were started after a moment, oldest first; of those that are kept. */
  endedAfter(sessionId: string, momentMs: number): readonly EndedBuild[] {
    return [...this.#ended.values()].filter(
      (ended) => ended.sessionId === sessionId && Date.parse(ended.startedAt) > momentMs,
    );
  }

  /** Undefined: no such build is being watched. */
  cancel(jobId: string): Promise<boolean> | undefined {
    return this.#open.get(jobId)?.watch?.cancel();
  }
}
