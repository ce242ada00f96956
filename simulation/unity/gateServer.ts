import type { FenceToken } from '../../src/events/event.js';
import { EditorLane } from '../../src/unity/editorLane.js';
import { Fence } from '../../src/unity/fence.js';
import type { FenceStore } from '../../src/unity/fenceStore.js';
import type { PlannedStep } from '../../src/unity/steps.js';
import type { Answer, Probe, Readiness } from '../../src/workers/editor.js';
import type { Process } from '../kernel/process.js';
import type { Editor, EditorCall } from './editor.js';

const READY: Readiness = { state: 'ready' };
const AWAY = { state: 'away', reason: 'the editor is not there', retryAfterMs: 100 } as const;

/**
 * The gate process: production's fence and lanes in front of simulated editors. What it has in memory dies with it; the fence store and
 * whatever it has sent to an editor do not.
 */
export class GateServer {
  readonly process: Process;
  readonly #fence: Fence;
  readonly #editors: ReadonlyMap<string, Editor>;
  readonly #lanes = new Map<string, EditorLane>();
  readonly #never = new AbortController().signal;
  readonly #suspectAtFirst: boolean;

  constructor(
    process: Process,
    store: FenceStore,
    editors: ReadonlyMap<string, Editor>,
    suspectAtFirst: boolean,
  ) {
    this.process = process;
    this.#fence = new Fence(store);
    this.#editors = editors;
    this.#suspectAtFirst = suspectAtFirst;
  }

  readiness(editor: string): Readiness {
    return this.#editor(editor).away ? AWAY : READY;
  }

  async drain(editor: string, unsettled: readonly FenceToken[]): Promise<Readiness> {
    await this.#settle(editor, unsettled);
    const readiness = await this.#ping(editor);
    if (readiness.state === 'ready') this.#lane(editor).suspect = false;
    return readiness;
  }

  async probe(editor: string, path: string, unsettled: readonly FenceToken[]): Promise<Probe> {
    await this.#settle(editor, unsettled);
    const { files, gone } = this.#editor(editor);
    if (gone) return AWAY;
    const file = files.get(path);
    if (!file) return { state: 'absent', missingFolders: [] };
    const { bytes, meta, sha256 } = file;
    const guid = meta && (/guid: ([0-9a-f]{32})/.exec(Buffer.from(meta).toString())?.[1] ?? null);
    return { state: 'present', content: { bytes, meta }, sha256, guid };
  }

  /** The fenced, serial way: lane, token, ghosts gone, then the step. */
  run(editor: string, step: PlannedStep, call: EditorCall): Promise<Answer> {
    return this.#alone(editor, call.token, async () => {
      const answer = await new Promise<Answer>((resolve) => {
        this.#editor(editor).run(step, call, (answer) => this.process.after(0, () => resolve(answer)));
      });
      if (answer.kind === 'unknown' && answer.mayStillRun) this.#lane(editor).suspect = true;
      return answer;
    });
  }

  /** A fenced call that changes nothing in a simulated project (folders are not simulated). */
  pass(editor: string, token: FenceToken): Promise<Answer> {
    return this.#alone(editor, token, async () => ({ kind: 'done', message: '', data: {} }));
  }

  #alone(editor: string, token: FenceToken, act: () => Promise<Answer>): Promise<Answer> {
    const lane = this.#lane(editor);
    return lane.run(this.#never, async () => {
      await this.#fence.admit(editor, token);
      if (this.#editor(editor).away)
        return { kind: 'away', reason: AWAY.reason, retryAfterMs: AWAY.retryAfterMs };
      if (lane.suspect) {
        const drained = await this.#ping(editor);
        if (drained.state === 'away')
          return { kind: 'away', reason: drained.reason, retryAfterMs: drained.retryAfterMs };
        lane.suspect = false;
      }
      return act();
    });
  }

  async #settle(editor: string, tokens: readonly FenceToken[]): Promise<void> {
    if (tokens.length === 0) return;
    await this.#lane(editor).run(this.#never, async () => {
      for (const token of tokens) await this.#fence.spend(editor, token);
    });
  }

  #ping(editor: string): Promise<Readiness> {
    return new Promise((resolve) => {
      this.#editor(editor).ping(() => this.process.after(0, () => resolve(this.readiness(editor))));
    });
  }

  #lane(editor: string): EditorLane {
    let lane = this.#lanes.get(editor);
    if (!lane) {
      lane = new EditorLane(this.#suspectAtFirst);
      this.#lanes.set(editor, lane);
    }
    return lane;
  }

  #editor(name: string): Editor {
    const editor = this.#editors.get(name);
    if (!editor) throw new Error(`no editor ${name}`);
    return editor;
  }
}
