import type { BuildIntent } from '../events/event.js';
import type { Answer, GateCall } from './editor.js';

/** What a build is asked for. `outputPath` is project-relative and made from the command id. */
export interface BuildOrder extends BuildIntent {
  readonly scenes?: readonly string[] | undefined;
  readonly options?: readonly string[] | undefined;
  readonly development?: boolean | undefined;
}

/** A build as the editor's own job table has it. What it does not say is null. */
export interface EditorBuild {
  readonly jobId: string | null;
  readonly state: 'running' | 'succeeded' | 'failed' | 'cancelled';
  readonly outputPath: string | null;
  readonly platform: string | null;
  readonly totalBytes: number | null;
  readonly durationMs: number | null;
  readonly warnings: number | null;
  readonly error: string | null;
  readonly percent: number | null;
  /** When the editor wants to be asked again. */
  readonly pollMs: number | null;
}

export type BuildStatus =
  | { readonly kind: 'build'; readonly build: EditorBuild }
  /** The editor answers, and its table has no such build. */
  | { readonly kind: 'none' }
  /** No answer: a build blocks the main thread, the domain reloads, the editor or its server is away. */
  | { readonly kind: 'silent'; readonly reason: string };

/** What a build leaves outside the job table, which a domain reload wipes. */
export interface BuildTraces {
  /** The console says that the build to this output path succeeded. */
  readonly succeeded: boolean;
  /** The console's last line about any build: for people, it need not be about this one. */
  readonly lastLine: string | null;
  /** Bytes under the output path once its player is there; null: not there, or the project folder is out of reach. */
  readonly outputBytes: number | null;
}

/** Builds as the gate does them. Only `start` and `cancel` change something: those are fenced and serial like every call. */
export interface BuildGate {
  /** Asks the editor to start one build; `data.job_id` of a `done` answer is the editor's name for it. */
  start(editor: string, order: BuildOrder, call: GateCall): Promise<Answer>;

  /** The build of that job id; with null the newest one that the editor knows. */
  status(editor: string, jobId: string | null, signal: AbortSignal): Promise<BuildStatus>;

  /** What console and disk tell of a build; `silent` when the console cannot be read now. */
  traces(
    editor: string,
    build: BuildIntent,
    signal: AbortSignal,
  ): Promise<({ readonly kind: 'traces' } & BuildTraces) | (BuildStatus & { readonly kind: 'silent' })>;

  cancel(editor: string, jobId: string, call: GateCall): Promise<Answer>;

  /** Removes what a build has left under its output path, and the folders above it that are empty then. Repeatable. */
  removeOutput(editor: string, build: BuildIntent, call: GateCall): Promise<Answer>;
}

/** One look at a running build, for whoever watches live. */
export interface BuildProgress {
  readonly sessionId: string;
  readonly commandId: string;
  readonly editor: string;
  /** The build's id as `unity.get_build_status` takes it: the command id. */
  readonly jobId: string;
  readonly state: BuildPhase;
  /** Since the build was started, restarts included. */
  readonly elapsedMs: number;
  /** Null when the editor does not say. */
  readonly percent: number | null;
}

/**
 * `building`: the editor says so. `silent`: it does not answer (a build may block it). `searching`: it answers and its job table has
 * lost the build.
 */
export type BuildPhase = 'building' | 'silent' | 'searching';
