import type { CreatedFolder, FenceToken } from '../events/event.js';
import type { AssetDescription } from './assetPort.js';
import type { BuildGate } from './buildPort.js';

/**
 * The worker's port to one or more Unity Editors: the gate (src/unity) stands behind it. Everything that can happen to a call
 * is a value of `Answer`; only a stolen lane (`StaleTokenError`) and an aborted signal throw.
 */
export interface EditorGate {
  /** Whether the editor answers at once. Cheap (REST): safe to ask every second. */
  readiness(editor: string, signal: AbortSignal): Promise<Readiness>;

  /**
   * Waits until the editor has answered a ping that was queued behind every call sent before (so ghosts have drained), or
   * says that it is away. Used before the probe that reconciles an unknown outcome.
   */
  drain(editor: string, signal: AbortSignal): Promise<Readiness>;

  /** What lies at `path` now: content, sha, `.meta`. Read from the project folder when there is one, else through MCP. */
  probe(editor: string, path: string, signal: AbortSignal): Promise<Probe>;

  /** A file under `Assets/` or `Uploads/` of the project, read from its folder; `maxBytes` is the caller's limit. */
  readFile(editor: string, path: string, maxBytes: number, signal: AbortSignal): Promise<FileRead>;

  /** The steps that lead from one content to another, each a compare-and-set or create-if-absent of its own; pure and repeatable. */
  plan(change: FileChange): ChangePlan;

  /** Runs one step of a plan: one mutation at a time per editor, refused when `token` is not above the highest seen. */
  run(editor: string, step: ChangeStep, call: GateCall): Promise<Answer>;

  /** The `.meta` of folders, as undo and redo need them; null for one that has none or is out of reach. */
  readFolders(editor: string, paths: readonly string[], signal: AbortSignal): Promise<FolderContent[]>;

  /** Makes folders that are missing, outermost first, each with the `.meta` it had: before a redo makes its file there. */
  stageFolders(editor: string, folders: readonly FolderContent[], call: GateCall): Promise<Answer>;

  /** Removes folders that are empty, the last first, with the `.meta` they were made with; whatever holds something else stays. */
  pruneFolders(editor: string, folders: readonly CreatedFolder[], call: GateCall): Promise<Answer>;

  /** Takes a picture. The image's bytes come with the answer. */
  render(editor: string, view: View, call: GateCall): Promise<Answer & { readonly image?: RenderedImage }>;

  /** What an asset is made of, as Unity tells it; `refused` with `asset_not_found` when there is none. Reads only. */
  inspect(
    editor: string,
    path: string,
    call: GateCall,
  ): Promise<Answer & { readonly asset?: AssetDescription }>;

  readonly builds: BuildGate;

  /** Calls any tool, once. Opaque: no probe can tell later whether it ran. `arguments` may not name another instance. */
  callTool(
    editor: string,
    tool: string,
    args: Readonly<Record<string, unknown>>,
    call: GateCall,
  ): Promise<Answer>;

  /**
   * Names what the editor shows: it moves before each call that may change something and again when that has ended, and with each new
   * session of the editor. Null: nobody can say just now (a call may still be under way, the editor is not found). Cheap.
   */
  revision(editor: string, view: View, signal: AbortSignal): Promise<string | null>;
}

/** Thrown by `run` and `render` when a newer owner has called this editor: the worker must drop everything it holds. */
export const STALE_TOKEN = 'stale_fence_token';

export interface GateCall {
  readonly token: FenceToken;
  readonly commandId: string;
  /** 1-based. */
  readonly attempt: number;
  readonly signal: AbortSignal;
}

export type Readiness =
  | { readonly state: 'ready' }
  /** Not there now: hold the lane, spend no attempt. */
  | { readonly state: 'away'; readonly reason: string; readonly retryAfterMs: number };

/** A file's content with its `.meta`, as undo needs it. `meta` null: none there, or out of reach. */
export interface FileContent {
  readonly bytes: Uint8Array;
  readonly meta: Uint8Array | null;
}

export interface FolderContent {
  readonly path: string;
  readonly meta: Uint8Array | null;
}

export type Probe =
  /** `missingFolders`: those on the way that are not there either, outermost first; absent where the project folder is out of reach. */
  | { readonly state: 'absent'; readonly missingFolders?: readonly string[] }
  | {
      readonly state: 'present';
      readonly content: FileContent;
      readonly sha256: string;
      readonly guid: string | null;
    }
  /** The path leads out of the project (realpath), or is no regular file, or is larger than the gate reads. Permanent. */
  | { readonly state: 'refused'; readonly code: string; readonly message: string }
  /** Could not look now. */
  | { readonly state: 'away'; readonly reason: string; readonly retryAfterMs: number };

export type FileRead =
  | { readonly state: 'present'; readonly bytes: Uint8Array; readonly sha256: string }
  | { readonly state: 'absent' }
  /** Leads out of the project, is no regular file, is larger than allowed, or the project folder is out of reach (`no_project_folder`). */
  | { readonly state: 'refused'; readonly code: string; readonly message: string }
  | { readonly state: 'away'; readonly reason: string; readonly retryAfterMs: number };

export interface FileChange {
  readonly path: string;
  /** Null: absent. */
  readonly before: FileContent | null;
  /** Null: shall be absent. A `meta` here shall be restored too (undo of a delete, redo of a create). */
  readonly after: FileContent | null;
  /** An undo or redo: the bytes were there before, so what the editor would refuse to write is put in place beside it. */
  readonly restore?: boolean;
}

export type ChangePlan =
  | {
      readonly ok: true;
      /**
       * `steps[i]` leads from `waypoints[i]` to `waypoints[i + 1]`; shas of the file's bytes, "" for absent. Length: steps + 1. The last
       * two are equal where the last step replaces the `.meta` alone.
       */
      readonly steps: readonly ChangeStep[];
      readonly waypoints: readonly string[];
    }
  /** Cannot be done through this editor, whatever we try. */
  | { readonly ok: false; readonly code: string; readonly message: string };

/** Opaque to the worker. */
export interface ChangeStep {
  readonly path: string;
  readonly tool: string;
  /** It writes the file beside the editor: run again where it has led already, it only has the editor take notice. */
  readonly takesNotice?: true;
}

export interface View {
  readonly scenePath?: string | undefined;
  readonly gameObject?: string | undefined;
  readonly width: number;
  readonly height: number;
  readonly format: 'png' | 'jpg';
  readonly mode: 'fast' | 'quality';
}

export interface RenderedImage {
  readonly bytes: Uint8Array;
  readonly mime: string;
  readonly widthPx: number;
  readonly heightPx: number;
}

/** What an answer of Unity means (unity-mcp.md, "What an answer means"): a closed set, settled in one place of the worker. */
export type Answer =
  /** Said to be done. Never proof for a file: probe. */
  | { readonly kind: 'done'; readonly message: string; readonly data: Readonly<Record<string, unknown>> }
  /** Certainly not executed, and nobody's fault: the editor is away or busy. Hold the lane, spend no attempt. */
  | { readonly kind: 'away'; readonly reason: string; readonly retryAfterMs: number }
  /** Certainly not executed: try again after backoff (spends an attempt). */
  | { readonly kind: 'not_executed'; readonly reason: string; readonly retryAfterMs: number }
  /** Perhaps executed, perhaps to be executed later (`mayStillRun`): drain, then probe. */
  | { readonly kind: 'unknown'; readonly reason: string; readonly mayStillRun: boolean }
  /** The compare-and-set did not match what is there. Not executed: probe. */
  | { readonly kind: 'stale'; readonly currentSha256: string | null }
  /** The file to be created is there already. Not executed: probe. */
  | { readonly kind: 'exists' }
  /** Refused for good (validation, unknown tool, routing, disabled). Not executed. */
  | { readonly kind: 'refused'; readonly code: string; readonly message: string };
