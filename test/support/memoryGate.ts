import { SparkError } from '../../src/core/errors.js';
import { sha256 } from '../../src/core/ids.js';
import type { CreatedFolder, FenceToken } from '../../src/events/event.js';
import type { AssetDescription } from '../../src/workers/assetPort.js';
import {
  type Answer,
  type ChangePlan,
  type ChangeStep,
  type EditorGate,
  type FileChange,
  type FileContent,
  type FileRead,
  type FolderContent,
  type GateCall,
  type Probe,
  type Readiness,
  type RenderedImage,
  STALE_TOKEN,
  type View,
} from '../../src/workers/editor.js';

import { MemoryBuilds } from './memoryBuilds.js';

export class MemoryStaleTokenError extends SparkError {
  readonly code = STALE_TOKEN;
}

/** What the editor does with one call, whatever it answers: `applies` says when the file changes. */
export interface Behaviour {
  readonly applies: 'now' | 'at_drain' | 'never';
  readonly answer: Answer;
}

const done: Answer = { kind: 'done', message: 'ok', data: {} };
const unknown: Answer = { kind: 'unknown', reason: 'the reply was lost', mayStillRun: true };

export const BEHAVIOUR = {
  works: { applies: 'now', answer: done },
  falseSuccess: { applies: 'never', answer: done },
  losesReply: { applies: 'now', answer: unknown },
  losesCall: { applies: 'never', answer: unknown },
  ghost: { applies: 'at_drain', answer: unknown },
  away: { applies: 'never', answer: { kind: 'away', reason: 'domain reload', retryAfterMs: 10 } },
  notExecuted: { applies: 'never', answer: { kind: 'not_executed', reason: 'busy', retryAfterMs: 0 } },
  stale: { applies: 'never', answer: { kind: 'stale', currentSha256: null } },
  exists: { applies: 'never', answer: { kind: 'exists' } },
  refuses: { applies: 'never', answer: { kind: 'refused', code: 'no_such_tool', message: 'no' } },
} as const satisfies Record<string, Behaviour>;

export interface Effect {
  readonly editor: string;
  readonly path: string;
  readonly commandId: string;
  readonly attempt: number;
  /** The file's text after it; null: absent. */
  readonly after: string | null;
}

interface MemoryStep extends ChangeStep {
  readonly from: string;
  readonly to: FileContent | null;
  /** The step replaces this `.meta` alone, and nothing where another one lies. */
  readonly metaFrom?: Uint8Array;
}

export const contentOfText = (text: string, meta: string | null = null): FileContent => ({
  bytes: Buffer.from(text),
  meta: meta === null ? null : Buffer.from(meta),
});

const guidOf = (meta: Uint8Array | null): string | null =>
  /guid: ([0-9a-f]{32})/.exec(Buffer.from(meta ?? []).toString())?.[1] ?? null;

/** A project folder and its editor in memory: compare-and-set steps, fence tokens, and faults told in advance. */
export class MemoryGate implements EditorGate {
  readonly files = new Map<string, FileContent>();
  readonly effects: Effect[] = [];
  readonly calls: { editor: string; token: FenceToken; commandId: string; attempt: number }[] = [];
  readonly builds = new MemoryBuilds();
  /** Opaque tools that ran, by name. */
  readonly toolsRun: string[] = [];
  readonly away = new Set<string>();
  /** What the next calls do; `works` once empty. */
  readonly script: Behaviour[] = [];
  /** Runs before each call is answered: a test's hand in the middle. */
  onCall: ((call: GateCall, editor: string) => void | Promise<void>) | undefined;
  onProbe: ((editor: string, path: string) => Probe | undefined) | undefined;
  image: RenderedImage | undefined;
  /** What `inspect` tells, by path. */
  readonly assets = new Map<string, AssetDescription>();
  /** Texts a file passes through on its way. */
  detour: readonly string[] = [];
  refusePlan: { code: string; message: string } | undefined;
  /** The folders of the projects and their `.meta`; undefined: out of reach. */
  folders: Map<string, Uint8Array | null> | undefined;
  /** As with an editor whose folder SPARK does not know: nothing can be read beside Unity. */
  noProjectFolder = false;
  /** As Unity does: every file that is made without a `.meta` is given one of its own. */
  givesMeta = false;
  drains = 0;
  probes = 0;
  running = 0;
  mostAtOnce = 0;
  #ghosts: (() => void)[] = [];
  #guids = 0;
  readonly #highest = new Map<string, FenceToken>();

  put(editor: string, path: string, content: FileContent | null): void {
    if (content === null) this.files.delete(`${editor}\0${path}`);
    else this.files.set(`${editor}\0${path}`, content);
  }

  text(editor: string, path: string): string | null {
    const content = this.files.get(`${editor}\0${path}`);
    return content ? Buffer.from(content.bytes).toString() : null;
  }

  async readiness(editor: string): Promise<Readiness> {
    return this.away.has(editor)
      ? { state: 'away', reason: 'reloading', retryAfterMs: 100 }
      : { state: 'ready' };
  }

  async drain(editor: string): Promise<Readiness> {
    this.drains++;
    for (const ghost of this.#ghosts.splice(0)) ghost();
    return this.readiness(editor);
  }

  async probe(editor: string, path: string): Promise<Probe> {
    this.probes++;
    const told = this.onProbe?.(editor, path);
    if (told) return told;
    if (this.away.has(editor)) return { state: 'away', reason: 'reloading', retryAfterMs: 100 };
    const content = this.files.get(`${editor}\0${path}`);
    return content
      ? { state: 'present', content, sha256: sha256(content.bytes), guid: guidOf(content.meta) }
      : { state: 'absent', ...(this.folders ? { missingFolders: this.#missingFolders(editor, path) } : {}) };
  }

  async readFile(editor: string, path: string, maxBytes: number): Promise<FileRead> {
    if (this.away.has(editor)) return { state: 'away', reason: 'reloading', retryAfterMs: 100 };
    if (this.noProjectFolder)
      return { state: 'refused', code: 'no_project_folder', message: 'the project folder is out of reach' };
    const bytes = this.files.get(`${editor}\0${path}`)?.bytes;
    if (!bytes) return { state: 'absent' };
    const message = `"${path}" has ${bytes.length} bytes, the limit is ${maxBytes}`;
    if (bytes.length > maxBytes) return { state: 'refused', code: 'file_too_large', message };
    return { state: 'present', bytes, sha256: sha256(bytes) };
  }

  async readFolders(editor: string, paths: readonly string[]): Promise<FolderContent[]> {
    return paths.map((path) => ({ path, meta: this.folders?.get(`${editor}\0${path}`) ?? null }));
  }

  stageFolders(editor: string, folders: readonly FolderContent[], call: GateCall): Promise<Answer> {
    return this.#called(editor, call, () => {
      for (const { path, meta } of folders) this.folders?.set(`${editor}\0${path}`, meta);
    });
  }

  pruneFolders(editor: string, folders: readonly CreatedFolder[], call: GateCall): Promise<Answer> {
    return this.#called(editor, call, () => {
      for (const { path } of folders.toReversed()) {
        const inside = [...this.files.keys(), ...(this.folders?.keys() ?? [])].some((key) =>
          key.startsWith(`${editor}\0${path}/`),
        );
        if (!inside) this.folders?.delete(`${editor}\0${path}`);
      }
    });
  }

  plan(change: FileChange): ChangePlan {
    if (this.refusePlan) return { ok: false, ...this.refusePlan };
    const { path, before, after, restore } = change;
    const isOther = before?.meta && after?.meta && !Buffer.from(before.meta).equals(Buffer.from(after.meta));
    if (restore !== true || !isOther) return this.#planBytes(change);
    const kept = { bytes: after.bytes, meta: before.meta };
    const from = sha256(after.bytes);
    const isThere = sha256(before.bytes) === from;
    const { steps, waypoints } = isThere
      ? { steps: [], waypoints: [from] }
      : this.#planBytes({ ...change, after: kept });
    const step: MemoryStep = { path, tool: 'memory', from, to: after, metaFrom: before.meta };
    return { ok: true, steps: [...steps, step], waypoints: [...waypoints, from] };
  }

  #planBytes({ path, before, after }: FileChange): ChangePlan & { readonly ok: true } {
    const road = [before, ...this.detour.map((text) => contentOfText(text)), after];
    const waypoints = road.map((content) => (content ? sha256(content.bytes) : ''));
    const steps = road
      .slice(1)
      .map((to, at): MemoryStep => ({ path, tool: 'memory', from: waypoints[at] ?? '', to }));
    return { ok: true, steps, waypoints };
  }

  async run(editor: string, step: ChangeStep, call: GateCall): Promise<Answer> {
    const { from, to, path, metaFrom } = step as MemoryStep;
    return this.#called(editor, call, () => {
      const current = this.files.get(`${editor}\0${path}`);
      if ((current ? sha256(current.bytes) : '') !== from) return;
      if (metaFrom !== undefined && Buffer.compare(current?.meta ?? Buffer.from(''), metaFrom) !== 0) return;
      this.put(editor, path, to && this.givesMeta ? this.#withMeta(to, current) : to);
      // Unity makes the folders on the way, each with a `.meta` of its own.
      for (const folder of this.#missingFolders(editor, path))
        this.folders?.set(`${editor}\0${folder}`, Buffer.from(`guid of ${folder} #${this.effects.length}`));
      const { commandId, attempt } = call;
      this.effects.push({ editor, path, commandId, attempt, after: this.text(editor, path) });
    });
  }

  /** Null: nobody can say. */
  revisions: Map<string, number> | null = new Map();

  async revision(editor: string): Promise<string | null> {
    return this.revisions ? String(this.revisions.get(editor) ?? 0) : null;
  }

  changed(editor: string): void {
    this.revisions?.set(editor, (this.revisions.get(editor) ?? 0) + 1);
  }

  /** Answers as the script says; runs unless that says `never`. */
  callTool(editor: string, tool: string, _args: object, call: GateCall): Promise<Answer> {
    return this.#called(editor, call, () => this.toolsRun.push(tool));
  }

  async render(editor: string, _view: View, call: GateCall): Promise<Answer & { image?: RenderedImage }> {
    const answer = await this.#called(editor, call, () => undefined, false);
    return answer.kind === 'done' && this.image ? { ...answer, image: this.image } : answer;
  }

  async inspect(
    editor: string,
    path: string,
    call: GateCall,
  ): Promise<Answer & { asset?: AssetDescription }> {
    const answer = await this.#called(editor, call, () => undefined);
    if (answer.kind !== 'done') return answer;
    const asset = this.assets.get(path);
    return asset
      ? { ...answer, asset }
      : { kind: 'refused', code: 'asset_not_found', message: `there is no asset at ${path}` };
  }

  #withMeta({ bytes, meta }: FileContent, current: FileContent | undefined): FileContent {
    const given = () => Buffer.from(`guid: ${(++this.#guids).toString(16).padStart(32, '0')}\n`);
    return { bytes, meta: meta ?? current?.meta ?? given() };
  }

  #missingFolders(editor: string, path: string): string[] {
    const parts = path.split('/').slice(0, -1);
    return parts
      .map((_, at) => parts.slice(0, at + 1).join('/'))
      .filter((folder) => folder !== 'Assets' && !this.folders?.has(`${editor}\0${folder}`));
  }

  async #called(editor: string, call: GateCall, apply: () => void, mutates = true): Promise<Answer> {
    this.#fence(editor, call.token);
    if (mutates) this.changed(editor);
    this.running++;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.running);
    try {
      this.calls.push({ editor, token: call.token, commandId: call.commandId, attempt: call.attempt });
      await this.onCall?.(call, editor);
      if (this.away.has(editor)) return BEHAVIOUR.away.answer;
      const { applies, answer } = this.script.shift() ?? BEHAVIOUR.works;
      if (applies === 'now') apply();
      if (applies === 'at_drain') this.#ghosts.push(apply);
      return answer;
    } finally {
      this.running--;
      if (mutates) this.changed(editor);
    }
  }

  #fence(editor: string, token: FenceToken): void {
    const key = `${editor}/${token.partition ?? ''}`;
    const highest = this.#highest.get(key) ?? { epoch: 0, call: 0 };
    const newer = token.epoch > highest.epoch || (token.epoch === highest.epoch && token.call > highest.call);
    if (!newer) throw new MemoryStaleTokenError('a newer owner has called this editor');
    this.#highest.set(key, token);
  }
}
