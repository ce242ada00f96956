import type { EditorEntry } from '../../src/commands/editorEntry.js';
import type { ConfiguredPlace, EditorLive, EditorsAnswer, EditorsPort } from '../../src/http/editorsPort.js';

/** A registry and a worker in memory. `worker` undefined: none answers. */
export class FakeEditors implements EditorsPort {
  readonly entries = new Map<string, EditorEntry>();
  configured: ConfiguredPlace[] = [];
  mcpUrls = ['http://127.0.0.1:8080/mcp', 'http://user:secret@127.0.0.1:9090/mcp'];
  worker: EditorLive[] | undefined = [];
  asked = 0;
  changes = 0;
  /** What the next change fails with. */
  failure: Error | undefined;
  /** Undefined: nobody can say. */
  names: Set<string> | undefined;
  /** Runs while the worker is being asked. */
  whileAsked: (() => void) | undefined;
  readonly #listeners: ((changed: readonly string[] | undefined) => void)[] = [];

  async change(editor: string, decide: (before: EditorEntry | undefined) => EditorEntry | null) {
    if (this.failure) throw this.failure;
    const before = this.entries.get(editor);
    const after = decide(before);
    if (after === before) return { before, after };
    this.changes++;
    if (after) this.entries.set(editor, after);
    else this.entries.delete(editor);
    this.tell([editor]);
    return { before, after };
  }

  async live(): Promise<EditorsAnswer | undefined> {
    this.asked++;
    const editors = this.worker;
    this.whileAsked?.();
    return editors && { editors };
  }

  onChange(listener: (changed: readonly string[] | undefined) => void): void {
    this.#listeners.push(listener);
  }

  known(editor: string): boolean {
    return this.names?.has(editor) !== false;
  }

  /** As the worker, or the registry's watch, would. */
  tell(changed: readonly string[] | undefined): void {
    for (const listener of this.#listeners) listener(changed);
  }
}

export function liveEditor(editor: string, change: Partial<EditorLive> = {}): EditorLive {
  return {
    editor,
    source: 'connection',
    instance: `${editor}@abc`,
    health: { state: 'ready', reason: null, since: '2026-05-01T10:00:00.000Z' },
    lastSeenAt: '2026-05-01T10:00:01.000Z',
    current: null,
    queue: { memory: 0, parked: 0 },
    build: null,
    ...change,
  };
}
