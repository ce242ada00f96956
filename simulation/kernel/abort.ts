type Listener = (this: LightSignal, event: { readonly type: 'abort'; readonly target: LightSignal }) => void;

interface Entry {
  readonly listener: Listener;
  readonly once: boolean;
  removed: boolean;
}

interface Options {
  readonly once?: boolean;
  readonly signal?: Pick<AbortSignal, 'aborted' | 'addEventListener'>;
}

/** One for all: code asks whether it was aborted, and hands the reason on. */
const ABORTED = new DOMException('This operation was aborted', 'AbortError');

/**
 * An `AbortSignal` as far as SPARK uses one. Node's is an `EventTarget` with a finalization registry, and each of the dozens that a seed
 * makes costs as much as an event of the simulation.
 */
class LightSignal {
  aborted = false;
  reason: unknown = undefined;
  #entries: Entry[] = [];

  throwIfAborted(): void {
    if (this.aborted) throw this.reason;
  }

  /** Nobody is warned of many listeners here. */
  setMaxListeners(): void {}

  addEventListener(type: string, listener: Listener, { once = false, signal }: Options = {}): void {
    if (type !== 'abort') throw new TypeError(`no event "${type}" in the simulation`);
    if (signal?.aborted || this.#entries.some((entry) => entry.listener === listener)) return;
    this.#entries.push({ listener, once, removed: false });
    signal?.addEventListener('abort', () => this.removeEventListener(type, listener), { once: true });
  }

  removeEventListener(_type: string, listener: Listener): void {
    const at = this.#entries.findIndex((entry) => entry.listener === listener);
    const [entry] = at < 0 ? [] : this.#entries.splice(at, 1);
    if (entry) entry.removed = true;
  }

  /** Its controller's: tells everybody who listens, in their order. */
  abort(reason: unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    for (const entry of [...this.#entries]) {
      if (entry.removed) continue;
      if (entry.once) this.removeEventListener('abort', entry.listener);
      entry.listener.call(this, { type: 'abort', target: this });
    }
  }
}

/** Stands in for the global while a seed runs. */
export class LightAbortController {
  readonly signal = new LightSignal();

  abort(reason: unknown = ABORTED): void {
    this.signal.abort(reason);
  }
}
