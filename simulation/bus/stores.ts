import { untilAnswered } from '../../src/streams/publish.js';
import type { CancelRequest, Cancels, ImageStore } from '../../src/workers/ports.js';
import type { Network } from '../kernel/network.js';
import type { Process } from '../kernel/process.js';

const REQUEST_MS = 2_000;

/** Content-addressed bytes, by sha-256. An outage is waited for, as production does. */
export function imageStoreOf(
  process: Process,
  network: Network,
  images: Map<string, Uint8Array>,
  signal: AbortSignal,
): ImageStore {
  const ask = <T>(serve: () => T): Promise<T> =>
    untilAnswered(process.clock, signal, () => network.request(process, REQUEST_MS, serve));
  return {
    put: async (all) => {
      if (all.length === 0) return;
      await ask(() => {
        for (const { sha256, bytes } of all) images.set(sha256, bytes);
      });
    },
    get: (sha256) => ask(() => images.get(sha256)),
  };
}

/** Wishes to cancel, kept for whoever comes to watch. */
export class CancelBoard {
  readonly #wishes: CancelRequest[] = [];
  #watchers: ((wish: CancelRequest) => void)[] = [];

  add(wish: CancelRequest): void {
    this.#wishes.push(wish);
    for (const watch of this.#watchers) watch(wish);
  }

  portOf(process: Process, network: Network): Cancels {
    return {
      watch: async (onCancel, signal) => {
        const tell = (wish: CancelRequest): void => {
          if (!signal.aborted) process.after(2, () => onCancel(wish));
        };
        const known = await untilAnswered(process.clock, signal, () =>
          network.request(process, REQUEST_MS, () => {
            this.#watchers = [...this.#watchers, tell];
            return [...this.#wishes];
          }),
        );
        for (const wish of known) onCancel(wish);
      },
    };
  }
}
