import type { UsageRecord } from '../events/event.js';

/** A file for a service to look at, read and checked before it is sent. */
export interface MediaFile {
  readonly path: string;
  readonly mime: string;
  readonly bytes: Uint8Array;
}

/** What became of one call to a CV or ASR service: a closed set. Reads only, so asking again is always safe. */
export type ServiceAnswer =
  | {
      readonly kind: 'done';
      readonly result: Readonly<Record<string, unknown>>;
      readonly usage?: readonly UsageRecord[];
    }
  /** Its circuit is open or it cannot be reached: wait, spend no attempt. */
  | { readonly kind: 'away'; readonly reason: string; readonly retryAfterMs: number }
  /** Failed this time: again after backoff (spends an attempt). */
  | { readonly kind: 'failed'; readonly reason: string; readonly retryAfterMs: number }
  /** Will never work as asked: not configured, refused by the service, not what it claims to be. */
  | { readonly kind: 'refused'; readonly code: string; readonly message: string };

/** The services behind `cv.*` and `asr.*`; src/services serves it, the role joins the two. */
export interface MediaServices {
  /** Known to be away (open circuit): no need to read a file for it. Undefined: ask. */
  away(type: string): Extract<ServiceAnswer, { kind: 'away' }> | undefined;
  /**
   * Runs `work`, which reads a file into memory and asks with it, once there is room for one more file in this process; `full` when even
   * the queue for that is. Throws what `work` throws, or the signal's reason when it aborts while waiting.
   */
  withRoom<T>(type: string, work: () => Promise<T>, signal: AbortSignal): Promise<T | 'full'>;
  call(type: string, payload: unknown, file: MediaFile, signal: AbortSignal): Promise<ServiceAnswer>;
}
