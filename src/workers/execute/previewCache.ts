import { LRUCache } from 'lru-cache';
import type { Clock } from '../../core/clock.js';
import type { View } from '../editor.js';

/** A picture that lies in the image store. */
export interface Picture {
  readonly frameSha256: string;
  readonly mime: string;
  readonly bytes: number;
  readonly widthPx: number;
  readonly heightPx: number;
}

export interface PreviewLimits {
  readonly maxEntries: number;
  readonly ttlMs: number;
}
export const PREVIEW_LIMITS: PreviewLimits = { maxEntries: 1_000, ttlMs: 300_000 };

export interface PreviewRequest {
  readonly editor: string;
  readonly view: View;
  /** Wall-clock ms when it was asked for: what was asked before its picture was there has waited together with others. */
  readonly acceptedAtMs: number;
  /** The editor's revision now; null: nothing can be said, so nothing may be remembered. */
  readonly revision: () => Promise<string | null>;
}

export type PreviewSource = 'hit' | 'miss' | 'shared';

export type Preview<T> =
  | { readonly source: 'hit' | 'shared'; readonly picture: Picture }
  | { readonly source: 'miss'; readonly rendered: T };

interface Kept {
  readonly picture: Picture;
  readonly storedAtMs: number;
  readonly untilMs: number;
}

/**
 * Pictures by what they show and the editor's revision. The revision moves before anything that may change what the editor shows is
 * sent, and again when it has ended: so a picture whose revision is the same before and after its render shows that revision, and one
 * that is found under the revision of now is not stale. Equal requests cost one render: who asks while it runs waits for it.
 */
export class PreviewCache {
  readonly #clock: Clock;
  readonly #limits: PreviewLimits;
  readonly #told: (source: PreviewSource) => void;
  #made: LRUCache<string, Kept> | undefined;
  readonly #flights = new Map<string, Promise<Picture | undefined>>();

  constructor(clock: Clock, told: (source: PreviewSource) => void, limits = PREVIEW_LIMITS) {
    this.#clock = clock;
    this.#limits = limits;
    this.#told = told;
  }

  /** Made with the first picture: every ownership has a cache, few ever use it. */
  get #kept(): LRUCache<string, Kept> {
    this.#made ??= new LRUCache({ max: this.#limits.maxEntries });
    return this.#made;
  }

  get size(): number {
    return this.#kept.size;
  }

  /** The remembered picture, or what `render` makes; its `picture` (absent where it failed) is remembered if that is sound. */
  async get<T>(
    request: PreviewRequest,
    render: () => Promise<{ readonly value: T; readonly picture: Picture | undefined }>,
  ): Promise<Preview<T>> {
    for (;;) {
      const revision = await request.revision();
      if (revision === null) return this.#miss((await render()).value);
      const key = keyOf(request, revision);
      const kept = this.#find(key);
      if (kept) return this.#hit(kept.picture, request.acceptedAtMs <= kept.storedAtMs ? 'shared' : 'hit');
      const flight = this.#flights.get(key);
      if (!flight) return this.#miss(await this.#fly(request, revision, key, render));
      const picture = await flight;
      // Changed while it was waited for, or it failed: it is looked at again, from the beginning.
      if (picture && (await request.revision()) === revision) return this.#hit(picture, 'shared');
    }
  }

  async #fly<T>(
    request: PreviewRequest,
    revision: string,
    key: string,
    render: () => Promise<{ readonly value: T; readonly picture: Picture | undefined }>,
  ): Promise<T> {
    const rendering = render();
    const flight = rendering.then(
      ({ picture }) => picture,
      () => undefined,
    );
    this.#flights.set(key, flight);
    try {
      const { value, picture } = await rendering;
      if (picture && (await request.revision()) === revision) this.#keep(key, picture);
      return value;
    } finally {
      this.#flights.delete(key);
    }
  }

  #find(key: string): Kept | undefined {
    const kept = this.#kept.get(key);
    if (!kept || this.#clock.monotonicMs() < kept.untilMs) return kept;
    this.#kept.delete(key);
    return undefined;
  }

  #keep(key: string, picture: Picture): void {
    const untilMs = this.#clock.monotonicMs() + this.#limits.ttlMs;
    this.#kept.set(key, { picture, storedAtMs: this.#clock.nowMs(), untilMs });
  }

  #hit<T>(picture: Picture, source: 'hit' | 'shared'): Preview<T> {
    this.#told(source);
    return { source, picture };
  }

  #miss<T>(rendered: T): Preview<T> {
    this.#told('miss');
    return { source: 'miss', rendered };
  }
}

function keyOf({ editor, view }: PreviewRequest, revision: string): string {
  const { scenePath = null, gameObject = null, width, height, format, mode } = view;
  return JSON.stringify([editor, revision, scenePath, gameObject, width, height, format, mode]);
}
