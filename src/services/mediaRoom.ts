import { Bulkhead, BulkheadFullError } from '../resilience/bulkhead.js';

/**
 * Files that one family of services may hold in memory at once: as many as it has connections. With two families that is 20 files in a
 * process, and slow recordings leave the pictures their places.
 */
export const MAX_FILES_IN_MEMORY = 10;
/** They wait before their file is read. */
export const MAX_FILES_WAITING = 10;

/** The places for files that are read whole, checked and sent. */
export class MediaRoom {
  readonly #bulkhead = new Bulkhead({
    maxConcurrentCalls: MAX_FILES_IN_MEMORY,
    maxQueuedCalls: MAX_FILES_WAITING,
  });

  /** `full`: `work` was not begun. Throws what `work` throws, or the signal's reason. */
  async run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T | 'full'> {
    try {
      return await this.#bulkhead.execute(work, signal);
    } catch (error) {
      if (error instanceof BulkheadFullError) return 'full';
      throw error;
    }
  }
}
