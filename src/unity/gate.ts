import type { Clock } from '../core/clock.js';
import type { Service } from '../core/service.js';
import type { CreatedFolder } from '../events/event.js';
import type {
  Answer,
  ChangeStep,
  EditorGate,
  FolderContent,
  GateCall,
  Probe,
  Readiness,
  View,
} from '../workers/editor.js';
import { CALL_TIMEOUTS, type CallTimeouts, type EditorAccess } from './editorAccess.js';
import {
  EditorDirectory,
  type EditorPlace,
  type EditorResolver,
  type PlaceAnswer,
} from './editorDirectory.js';
import { EditorLane } from './editorLane.js';
import { Fence } from './fence.js';
import { type FenceStore, memoryFenceStore } from './fenceStore.js';
import { pruneFolders, readFolders, stageFolders } from './folders.js';
import { listInstances } from './instances.js';
import type { ConfiguredEditor } from './parseUnityEditors.js';
import { type PlannableChange, planChange } from './plan.js';
import { probeFolder, probeOverMcp } from './probe.js';
import { ProjectFolder } from './projectFolder.js';
import { notReady, pingEditor, READY } from './readiness.js';
import { type Rendering, renderView } from './render.js';
import { runStep } from './runStep.js';
import { isPlannedStep } from './steps.js';
import { type UnityAuth, UnityServer } from './unityServer.js';

export interface GateOptions {
  /** The MCP endpoint of editors that are not found elsewhere, e.g. `http://127.0.0.1:8080/mcp`. */
  readonly serverUrl: string;
  readonly clock: Clock;
  readonly auth?: UnityAuth;
  /** `UNITY_EDITORS`, parsed. */
  readonly editors?: readonly ConfiguredEditor[];
  readonly resolve?: EditorResolver;
  /** Default: in memory only. */
  readonly fenceStore?: FenceStore;
  readonly timeouts?: Partial<CallTimeouts>;
  /** MCP calls at once per server; default 10. */
  readonly maxConnections?: number;
  /** Told of every mutation and render, for metrics. Must not throw. */
  readonly onCall?: (call: GateCallReport) => void;
}

export interface GateCallReport {
  readonly editor: string;
  readonly tool: string;
  readonly outcome: Answer['kind'];
  readonly durationMs: number;
}

/** How long a drain waits for an editor that is there and does not answer, before it says "away". */
const DRAIN_LIMIT_MS = 60_000;
const DRAIN_POLL_MS = 200;

/** The gate in front of the Unity editors: one thing at a time, fence tokens, probes, calls. Start is optional, stop final calls. */
export function createEditorGate(options: GateOptions): EditorGate & Service {
  return new UnityGate(options);
}

class UnityGate implements EditorGate, Service {
  readonly name = 'editor-gate';
  private readonly options: GateOptions;
  private readonly timeouts: CallTimeouts;
  private readonly fence: Fence;
  private readonly directory: EditorDirectory;
  private readonly lanes = new Map<string, EditorLane>();
  private readonly servers = new Map<string, UnityServer>();
  private readonly folders = new Map<string, ProjectFolder>();

  constructor(options: GateOptions) {
    this.options = options;
    this.timeouts = { ...CALL_TIMEOUTS, ...options.timeouts };
    this.fence = new Fence(options.fenceStore ?? memoryFenceStore());
    this.directory = new EditorDirectory({
      serverUrl: options.serverUrl,
      editors: options.editors ?? [],
      resolve: options.resolve ?? null,
      listInstances: (signal) => listInstances(this.server(options.serverUrl), signal),
      clock: options.clock,
    });
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    const servers = [...this.servers.values()];
    this.servers.clear();
    await Promise.all(servers.map((server) => server.close()));
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
      if (readiness.state === 'ready') this.lane(editor).suspect = false;
      if (!unanswered || clock.monotonicMs() >= untilMs) return readiness;
      await clock.sleep(DRAIN_POLL_MS, signal);
    }
  }

  async probe(editor: string, path: string, signal: AbortSignal): Promise<Probe> {
    const access = await this.access(editor, signal);
    if ('state' in access) return access;
    return access.folder ? probeFolder(access.folder, path) : probeOverMcp(access, path, signal);
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
    return this.alone(editor, 'manage_camera', call, (access) => renderView(access, view, call));
  }

  /** The fenced, serial way to an editor: lane, token, place, ghosts gone, then `act`. */
  private alone<T extends Answer>(
    editor: string,
    tool: string,
    call: GateCall,
    act: (access: EditorAccess) => Promise<T>,
  ): Promise<T | Answer> {
    const lane = this.lane(editor);
    return lane.run(call.signal, async () => {
      await this.fence.admit(editor, call.token);
      const startedMs = this.options.clock.monotonicMs();
      const answer = await this.actOnReady(editor, lane, call.signal, act);
      if (answer.kind === 'unknown' && answer.mayStillRun) lane.suspect = true;
      if (answer.kind === 'away') this.directory.forget(editor);
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
    const found = await this.place(editor, signal);
    if (found.kind === 'away') {
      return { readiness: notReady(found.reason, found.retryAfterMs), unanswered: false };
    }
    const { place } = found;
    const ping = await pingEditor(this.server(place.serverUrl), editor, place.instance, signal);
    signal.throwIfAborted();
    if (ping.readiness !== READY) this.directory.forget(editor);
    return ping;
  }

  private async access(
    editor: string,
    signal: AbortSignal,
  ): Promise<EditorAccess | (Readiness & { readonly state: 'away' })> {
    const found = await this.place(editor, signal);
    if (found.kind === 'away') return notReady(found.reason, found.retryAfterMs);
    const { place } = found;
    const folder = this.folder(place);
    if (folder === undefined)
      return notReady(`the project folder of "${editor}" is not there: ${place.projectFolder}`);
    return {
      client: this.server(place.serverUrl).client(editor, place.instance),
      folder,
      lane: this.lane(editor),
      clock: this.options.clock,
      timeouts: this.timeouts,
    };
  }

  private async place(editor: string, signal: AbortSignal): Promise<PlaceAnswer> {
    const found = await this.directory.place(editor, signal);
    signal.throwIfAborted();
    return found;
  }

  /** Undefined: configured and not there. */
  private folder(place: EditorPlace): ProjectFolder | null | undefined {
    if (place.projectFolder === null) return null;
    const known = this.folders.get(place.projectFolder);
    if (known) return known;
    try {
      const folder = new ProjectFolder(place.projectFolder);
      this.folders.set(place.projectFolder, folder);
      return folder;
    } catch {
      return undefined;
    }
  }

  private server(url: string): UnityServer {
    let server = this.servers.get(url);
    if (!server) {
      server = new UnityServer(
        url,
        this.options.auth ?? {},
        () => this.options.clock.monotonicMs(),
        this.options.maxConnections,
      );
      this.servers.set(url, server);
    }
    return server;
  }

  private lane(editor: string): EditorLane {
    let lane = this.lanes.get(editor);
    if (!lane) {
      lane = new EditorLane();
      this.lanes.set(editor, lane);
    }
    return lane;
  }
}
