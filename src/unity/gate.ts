import type { Service } from '../core/service.js';
import type { CreatedFolder, FenceToken } from '../events/event.js';
import type {
  Answer,
  ChangeStep,
  EditorGate,
  FileRead,
  FolderContent,
  GateCall,
  Probe,
  Readiness,
  View,
} from '../workers/editor.js';
import type { SurveyedEditor } from '../workers/editorsPort.js';
import { createBuildGate } from './builds.js';
import { CALL_TIMEOUTS, type CallTimeouts, changing, type EditorAccess } from './editorAccess.js';
import { EditorLane } from './editorLane.js';
import { EditorReach } from './editorReach.js';
import { stampOf } from './editorRevisions.js';
import { Fence } from './fence.js';
import { memoryFenceStore } from './fenceStore.js';
import { pruneFolders, readFolders, stageFolders } from './folders.js';
import type { GateOptions } from './gateOptions.js';
import { type Inspection, inspectAsset } from './inspect.js';
import { callOpaqueTool } from './opaqueTool.js';
import { type PlannableChange, planChange } from './plan.js';
import { probeFolder, probeOverMcp } from './probe.js';
import type { ProjectFolder } from './projectFolder.js';
import { notReady, pingEditor, READY } from './readiness.js';
import { readMediaFile } from './readMedia.js';
import { type Rendering, renderView } from './render.js';
import { runStep } from './runStep.js';
import { isPlannedStep } from './steps.js';

/** The whole gate: what workers ask of it, and what the process asks that runs it. */
export interface UnityEditorGate extends EditorGate, Service {
  survey(signal: AbortSignal): Promise<SurveyedEditor[]>;

  /** Resolves when no call with one of `tokens` runs or can begin any more: for a caller that does not know whether it has arrived. */
  settle(editor: string, tokens: readonly FenceToken[], signal: AbortSignal): Promise<void>;
}

/** How long a drain waits for an editor that is there and does not answer, before it says "away". */
const DRAIN_LIMIT_MS = 60_000;
const DRAIN_POLL_MS = 200;

/** The gate in front of the Unity editors: one thing at a time, fence tokens, probes, calls. Start is optional, stop final calls. */
export function createEditorGate(options: GateOptions): UnityEditorGate {
  return new UnityGate(options);
}

class UnityGate implements UnityEditorGate {
  readonly name = 'editor-gate';
  private readonly options: GateOptions;
  private readonly timeouts: CallTimeouts;
  private readonly fence: Fence;
  private readonly reach: EditorReach;
  private readonly lanes = new Map<string, EditorLane>();
  readonly builds = createBuildGate({
    alone: (editor, label, call, act) => this.alone(editor, label, call, act),
    access: (editor, signal) => this.access(editor, signal),
  });

  constructor(options: GateOptions) {
    this.options = options;
    this.timeouts = { ...CALL_TIMEOUTS, ...options.timeouts };
    this.fence = new Fence(options.fenceStore ?? memoryFenceStore());
    this.reach = new EditorReach(options);
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    await this.reach.close();
    await this.fence.flush();
  }

  async readiness(editor: string, signal: AbortSignal): Promise<Readiness> {
    return (await this.ping(editor, signal)).readiness;
  }

  async drain(editor: string, signal: AbortSignal): Promise<Readiness> {
    const { clock } = this.options;
    const untilMs = clock.monotonicMs() + DRAIN_LIMIT_MS;
    for (;;) {
      const { readiness, unanswered } = await this.ping(editor, signal);
      if (readiness.state === 'ready') await this.ghostsGone(editor, signal);
      if (!unanswered || clock.monotonicMs() >= untilMs) return readiness;
      await clock.sleep(DRAIN_POLL_MS, signal);
    }
  }

  async probe(editor: string, path: string, signal: AbortSignal): Promise<Probe> {
    const access = await this.access(editor, signal);
    if ('state' in access) return access;
    return access.folder ? probeFolder(access.folder, path) : probeOverMcp(access, path, signal);
  }

  async readFile(editor: string, path: string, maxBytes: number, signal: AbortSignal): Promise<FileRead> {
    const access = await this.access(editor, signal);
    return 'state' in access ? access : readMediaFile(access.folder, path, maxBytes, signal);
  }

  plan(change: PlannableChange): ReturnType<typeof planChange> {
    return planChange(change);
  }

  run(editor: string, step: ChangeStep, call: GateCall): Promise<Answer> {
    return this.alone(editor, step.tool, call, (access) => {
      if (isPlannedStep(step)) return runStep(access, step, call);
      const message = `a step of "${step.tool}" that this gate has not planned`;
      return Promise.resolve({ kind: 'refused', code: 'foreign_step', message });
    });
  }

  async readFolders(editor: string, paths: readonly string[], signal: AbortSignal): Promise<FolderContent[]> {
    const access = await this.access(editor, signal);
    const folder = 'state' in access ? null : access.folder;
    return folder ? readFolders(folder, paths) : paths.map((path) => ({ path, meta: null }));
  }

  stageFolders(editor: string, folders: readonly FolderContent[], call: GateCall): Promise<Answer> {
    return this.onDisk(editor, 'stage_folders', call, (folder) => stageFolders(folder, folders));
  }

  pruneFolders(editor: string, folders: readonly CreatedFolder[], call: GateCall): Promise<Answer> {
    return this.onDisk(editor, 'prune_folders', call, (folder) => pruneFolders(folder, folders));
  }

  /** Fenced and serial like a call, but beside Unity; nothing to do where the project folder is out of reach. */
  private onDisk(
    editor: string,
    tool: string,
    call: GateCall,
    act: (folder: ProjectFolder) => void,
  ): Promise<Answer> {
    return this.alone(editor, tool, call, async ({ folder }) => {
      if (folder) act(folder);
      return { kind: 'done', message: '', data: {} };
    });
  }

  render(editor: string, view: View, call: GateCall): Promise<Rendering> {
    return this.alone(editor, 'manage_camera', call, (access) => renderView(access, view, call), false);
  }

  inspect(editor: string, path: string, call: GateCall): Promise<Inspection> {
    return this.alone(editor, 'manage_asset', call, (access) => inspectAsset(access, path, call), false);
  }

  async revision(editor: string, view: View, signal: AbortSignal): Promise<string | null> {
    const found = await this.reach.place(editor, signal);
    if (found.kind === 'away') return null;
    const { place } = found;
    const suspects = [...this.lanes.values()].filter((lane) => lane.suspect);
    if (suspects.some(({ instance }) => instance === place.instance)) return null;
    const session = this.reach.server(place.serverUrl).client(editor, place.instance).sessions;
    const stamp = stampOf(this.reach.folder(place), view.scenePath);
    return `${this.reach.revisions.of(place, view.scenePath)} ${session} ${stamp}`;
  }

  survey(signal: AbortSignal): Promise<SurveyedEditor[]> {
    return this.reach.survey(signal);
  }

  settle(editor: string, tokens: readonly FenceToken[], signal: AbortSignal): Promise<void> {
    return this.lane(editor).run(signal, async () => {
      for (const token of tokens) await this.fence.spend(editor, token);
    });
  }

  callTool(
    editor: string,
    tool: string,
    args: Readonly<Record<string, unknown>>,
    call: GateCall,
  ): Promise<Answer> {
    return this.alone(editor, 'call_tool', call, (access) => callOpaqueTool(access, tool, args, call));
  }

  /** The fenced, serial way to an editor: lane, token, place, ghosts gone, then `act`. */
  private alone<T extends Answer>(
    editor: string,
    tool: string,
    call: GateCall,
    act: (access: EditorAccess) => Promise<T>,
    mutates = true,
  ): Promise<T | Answer> {
    const lane = this.lane(editor);
    return lane.run(call.signal, async () => {
      await this.fence.admit(editor, call.token);
      const startedMs = this.options.clock.monotonicMs();
      const answer = await this.actOnReady(editor, lane, call.signal, mutates ? changing(act) : act);
      if (answer.kind === 'unknown' && answer.mayStillRun) lane.suspect = true;
      if (answer.kind === 'away') this.reach.directory.forget(editor);
      const durationMs = this.options.clock.monotonicMs() - startedMs;
      this.options.onCall?.({ editor, tool, outcome: answer.kind, durationMs });
      return answer;
    });
  }

  private async actOnReady<T extends Answer>(
    editor: string,
    lane: EditorLane,
    signal: AbortSignal,
    act: (access: EditorAccess) => Promise<T>,
  ): Promise<T | Answer> {
    const access = await this.access(editor, signal);
    if ('state' in access) return { kind: 'away', reason: access.reason, retryAfterMs: access.retryAfterMs };
    if (lane.suspect) {
      const drained = await this.drain(editor, signal);
      if (drained.state === 'away')
        return { kind: 'away', reason: drained.reason, retryAfterMs: drained.retryAfterMs };
    }
    return act(access);
  }

  private async ping(editor: string, signal: AbortSignal): ReturnType<typeof pingEditor> {
    signal.throwIfAborted();
    const found = await this.reach.place(editor, signal);
    if (found.kind === 'away') {
      return { readiness: notReady(found.reason, found.retryAfterMs), unanswered: false };
    }
    const { place } = found;
    const { revisions } = this.reach;
    const server = this.reach.server(place.serverUrl);
    const ping = await pingEditor(server, editor, place.instance, signal, (listed) =>
      revisions.listed(place.serverUrl, listed),
    );
    signal.throwIfAborted();
    if (ping.readiness !== READY) this.reach.directory.forget(editor);
    return ping;
  }

  private async access(
    editor: string,
    signal: AbortSignal,
  ): Promise<EditorAccess | (Readiness & { readonly state: 'away' })> {
    const found = await this.reach.place(editor, signal);
    if (found.kind === 'away') return notReady(found.reason, found.retryAfterMs);
    const { place } = found;
    const folder = this.reach.folder(place);
    if (folder === undefined)
      return notReady(`the project folder of "${editor}" is not there: ${place.projectFolder}`);
    const lane = this.lane(editor);
    lane.instance = place.instance;
    return {
      client: this.reach.server(place.serverUrl).client(editor, place.instance),
      folder,
      lane,
      clock: this.options.clock,
      timeouts: this.timeouts,
      changed: (what) => this.reach.revisions.changed(place, what),
    };
  }

  /** What was still under way has ended: whatever it did is there now. */
  private async ghostsGone(editor: string, signal: AbortSignal): Promise<void> {
    const lane = this.lane(editor);
    if (!lane.suspect) return;
    const found = await this.reach.place(editor, signal);
    if (found.kind === 'found') this.reach.revisions.changed(found.place, 'content');
    lane.suspect = false;
  }

  private lane(editor: string): EditorLane {
    let lane = this.lanes.get(editor);
    if (!lane) {
      lane = new EditorLane(this.options.startSuspect ?? false);
      this.lanes.set(editor, lane);
    }
    return lane;
  }
}
