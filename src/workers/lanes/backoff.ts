/** Limits of trying again. */
export interface RetryLimits {
  /** Attempts of one command, the first included. */
  readonly maxAttempts: number;
  readonly baseMs: number;
  readonly maxMs: number;
}

/** Exponential backoff with full jitter; `random` in [0, 1). Never below the hint the editor gave. */
export function backoffMs(attempt: number, limits: RetryLimits, random: number, hintMs = 0): number {
  const ceiling = Math.min(limits.maxMs, limits.baseMs * 2 ** (attempt - 1));
  return Math.max(hintMs, Math.round(ceiling * random));
}
