import { type Clock, pause } from '../core/clock.js';
import { messageOf } from '../core/errors.js';
import { scrubLine } from '../observability/redact.js';
import { HTTP_LIMITS } from './limits.js';
import type { ReadinessCheck } from './ports.js';

export interface CheckResult {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

export interface ReadinessReport {
  readonly status: 'ok' | 'failing' | 'draining';
  readonly checks: readonly CheckResult[];
}

/** Runs the named checks side by side, each with its time limit; answers are shared for a moment, since anybody may ask. */
export class Readiness {
  readonly #checks: readonly ReadinessCheck[];
  readonly #clock: Clock;
  #draining = false;
  #shared: { readonly atMs: number; readonly results: Promise<CheckResult[]> } | undefined;

  constructor(checks: readonly ReadinessCheck[], clock: Clock) {
    this.#checks = checks;
    this.#clock = clock;
  }

  drain(): void {
    this.#draining = true;
  }

  async report(): Promise<ReadinessReport> {
    const nowMs = this.#clock.monotonicMs();
    if (!this.#shared || nowMs - this.#shared.atMs > HTTP_LIMITS.readinessCacheMs)
      this.#shared = {
        atMs: nowMs,
        results: Promise.all(this.#checks.map((check) => runCheck(check, this.#clock))),
      };
    const checks = await this.#shared.results;
    if (this.#draining) return { status: 'draining', checks };
    return { status: checks.every(({ ok }) => ok) ? 'ok' : 'failing', checks };
  }
}

async function runCheck(check: ReadinessCheck, clock: Clock): Promise<CheckResult> {
  const limitMs = HTTP_LIMITS.readinessCheckTimeoutMs;
  const over = new AbortController();
  const late = pause(clock, limitMs, over.signal).then(() => ({
    ok: false,
    detail: `no answer within ${limitMs} ms`,
  }));
  try {
    const { ok, detail } = await Promise.race([check.check(over.signal), late]);
    return { name: check.name, ok, detail: scrubLine(detail) };
  } catch (error) {
    return { name: check.name, ok: false, detail: scrubLine(messageOf(error)) };
  } finally {
    over.abort();
  }
}
