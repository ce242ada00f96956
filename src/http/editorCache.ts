import { createHash } from 'node:crypto';
import type { Clock } from '../core/clock.js';
import type { EditorsPort } from './editorsPort.js';
import { type EditorView, editorViews } from './editorView.js';

export const EDITOR_CACHE = { listTtlMs: 30_000, detailTtlMs: 300_000 } as const;

/** An answer as it is sent. */
export interface CachedAnswer {
  readonly text: string;
  /** Strong: of these very bytes. */
  readonly etag: string;
  readonly hit: boolean;
  readonly ttlMs: number;
  readonly ageMs: number;
}

interface Kept {
  readonly text: string;
  readonly etag: string;
  readonly storedAtMs: number;
}

interface Asked {
  readonly changes: number;
  readonly views: readonly EditorView[];
  /** A worker answered. */
  readonly sure: boolean;
}

/**
 * Answers about editors, kept for 30 s (the list) and 5 min (one editor) and dropped when something of them changes.
 *
 * How old an answer may be: what is registered and what is paused, as old as the registry's watch in this process (a round trip; own
 * writes at once). Health, current work and queue, 250 ms: that often the worker tells which editors have changed. Only where that
 * word is lost, or while no worker answers, the term counts: 30 s or 5 min. `lastSeenAt` alone changes nothing, so it may be as old
 * as the answer. `Cache-Control: no-cache` asks anew.
 */
export class EditorCache {
  readonly #port: EditorsPort;
  readonly #clock: Clock;
  readonly #details = new Map<string, Kept>();
  #list: Kept | undefined;
  #changes = 0;
  #asking: Promise<Asked> | undefined;

  constructor(port: EditorsPort, clock: Clock) {
    this.#port = port;
    this.#clock = clock;
    port.onChange((changed) => this.#drop(changed));
  }

  /** `GET /v1/editors`. */
  async list(fresh: boolean): Promise<CachedAnswer> {
    const kept = fresh ? undefined : this.#valid(this.#list, EDITOR_CACHE.listTtlMs);
    if (kept) return this.#answer(kept, true, EDITOR_CACHE.listTtlMs);
    const { changes, views, sure } = await this.#ask();
    const made = this.#made({ items: views });
    if (sure && changes === this.#changes) this.#list = made;
    return this.#answer(made, false, EDITOR_CACHE.listTtlMs);
  }

  /** `GET /v1/editors/{id}`; undefined: nobody names it. */
  async detail(editor: string, fresh: boolean): Promise<CachedAnswer | undefined> {
    const kept = fresh ? undefined : this.#valid(this.#details.get(editor), EDITOR_CACHE.detailTtlMs);
    if (kept) return this.#answer(kept, true, EDITOR_CACHE.detailTtlMs);
    const { changes, views, sure } = await this.#ask();
    const view = views.find((one) => one.editor === editor);
    if (!view) return undefined;
    const made = this.#made(view);
    if (sure && changes === this.#changes) this.#details.set(editor, made);
    return this.#answer(made, false, EDITOR_CACHE.detailTtlMs);
  }

  /** Who asks while an answer is on its way gets the same, unless something has changed since it was asked for. */
  async #ask(): Promise<Asked> {
    const changes = this.#changes;
    this.#asking ??= this.#port.live().then((live) => ({
      changes,
      views: editorViews(this.#port, live?.editors),
      sure: live !== undefined,
    }));
    const asking = this.#asking;
    try {
      return await asking;
    } finally {
      if (this.#asking === asking) this.#asking = undefined;
    }
  }

  #drop(changed: readonly string[] | undefined): void {
    this.#changes++;
    this.#list = undefined;
    this.#asking = undefined;
    if (!changed) this.#details.clear();
    else for (const editor of changed) this.#details.delete(editor);
  }

  #valid(kept: Kept | undefined, ttlMs: number): Kept | undefined {
    return kept && this.#clock.monotonicMs() - kept.storedAtMs < ttlMs ? kept : undefined;
  }

  #made(body: object): Kept {
    const text = JSON.stringify(body);
    const etag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`;
    return { text, etag, storedAtMs: this.#clock.monotonicMs() };
  }

  #answer({ text, etag, storedAtMs }: Kept, hit: boolean, ttlMs: number): CachedAnswer {
    const ageMs = this.#clock.monotonicMs() - storedAtMs;
    return { text, etag, hit, ageMs, ttlMs: ttlMs - ageMs };
  }
}
